// UNSAFE. Reads one word of the running CPU: how much of its context stands in memory as it is.
//
// Relies on the invariant of RunningCPU; the context was tested against the signature.

/// Helpers about the hook that a program hangs on, and what it asks the hook to do.

extension Helper {
  /// What programs of tracing hooks may call, if their type does.
  static let hooks: [Helper] = [
    sendSignal, sendSignalToThread, attachCookie, functionAddress, overrideReturn, getReturnValue,
    setReturnValue,
  ]

  /// `bpf_send_signal`: a signal for the process that runs the program.
  ///
  /// It goes to ``Environment/signalHandler`` and nowhere else. EINVAL for a number above 64, EPERM
  /// without a handler.
  static let sendSignal = Helper(
    number: 109, name: "send_signal", arguments: [.anything]
  ) { number, _, _, _, _, cpu in
    RunningCPU(address: cpu).send(number, isForThread: false)
  }

  /// `bpf_send_signal_thread`: the same for the thread.
  static let sendSignalToThread = Helper(
    number: 117, name: "send_signal_thread", arguments: [.anything]
  ) { number, _, _, _, _, cpu in
    RunningCPU(address: cpu).send(number, isForThread: true)
  }

  /// `bpf_get_attach_cookie`: the number given when the program was attached; 0 for none.
  static let attachCookie = Helper(
    number: 174, name: "get_attach_cookie", arguments: [.context]
  ) { _, _, _, _, _, cpu in
    RunningCPU(address: cpu).withOwner { $0.environment.hook.cookie }
  }

  /// `bpf_get_func_ip`: the address of the probed function.
  static let functionAddress = Helper(
    number: 173, name: "get_func_ip", arguments: [.context], isGPLOnly: true
  ) { _, _, _, _, _, cpu in
    RunningCPU(address: cpu).withOwner { $0.environment.hook.functionAddress }
  }

  /// `bpf_override_return`: what the probed function shall return without being run; it is in
  /// ``HookIdentity/overriddenReturn`` after the run, and in `ax` of the registers.
  static let overrideReturn = Helper(
    number: 58, name: "override_return", arguments: [.context, .anything], isGPLOnly: true
  ) { context, value, _, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    if unsafe cpu.words.pointee.contextByteCount >= registersAX + 8 {
      GuestMemory.store(context &+ registersAX, value, as: UInt64.self)
    }
    cpu.withOwner { $0.environment.hook.overriddenReturn = value }
    return 0
  }

  /// Offset of `ax` in `struct pt_regs` of x86-64.
  private static let registersAX: UInt64 = 80

  /// `bpf_get_retval`: what the hook is about to return.
  static let getReturnValue = Helper(
    number: 186, name: "get_retval", arguments: []
  ) { _, _, _, _, _, cpu in
    let value = RunningCPU(address: cpu).withOwner { $0.environment.hook.returnValue }
    return UInt64(extending: value)
  }

  /// `bpf_set_retval`: changes what the hook is about to return.
  static let setReturnValue = Helper(
    number: 187, name: "set_retval", arguments: [.anything]
  ) { value, _, _, _, _, cpu in
    RunningCPU(address: cpu).withOwner {
      $0.environment.hook.returnValue = Int32(truncatingIfNeeded: value)
    }
    return 0
  }
}

extension RunningCPU {
  fileprivate func send(_ number: UInt64, isForThread: Bool) -> UInt64 {
    let number = Int32(truncatingIfNeeded: number)
    guard (0...64).contains(number) else { return LinuxError.invalid.helperResult }
    return withOwner { owner in
      let handler = owner.environment.signalHandler
      guard let handler else { return LinuxError.notPermitted.helperResult }
      return handler(Signal(number: number, isForThread: isForThread))?.helperResult ?? 0
    }
  }
}
