/// Helpers that read memory whose address nobody has proved to be good.
///
/// They see the program's own memory and what its ``Environment/memory`` declares, and never
/// anything else of the host: an address is looked up, not followed.

extension Helper {
  /// What every type of program may call.
  static let probes: [Helper] = [
    probeRead, probeReadString, probeReadUser, probeReadKernel, probeReadUserString,
    probeReadKernelString, copyFromUser,
  ]

  /// `bpf_probe_read`: the older form of both, by the address.
  static let probeRead = Helper(
    number: 4, name: "probe_read",
    arguments: [.writableMemory(), .size(allowsZero: true), .anything], isGPLOnly: true
  ) { target, size, source, _, _, cpu in
    Probe(cpu, source, space: nil).read(target, size)
  }

  /// `bpf_probe_read_str`: the same for text.
  static let probeReadString = Helper(
    number: 45, name: "probe_read_str",
    arguments: [.writableMemory(), .size(allowsZero: true), .anything], isGPLOnly: true
  ) { target, size, source, _, _, cpu in
    Probe(cpu, source, space: nil).readText(target, size)
  }

  /// `bpf_probe_read_user`: EFAULT for what cannot be read, and zeros then.
  static let probeReadUser = Helper(
    number: 112, name: "probe_read_user",
    arguments: [.writableMemory(), .size(allowsZero: true), .anything], isGPLOnly: true
  ) { target, size, source, _, _, cpu in
    Probe(cpu, source, space: .user).read(target, size)
  }

  /// `bpf_probe_read_kernel`: as ``probeReadUser``; ERANGE for an address that no kernel memory can
  /// have.
  static let probeReadKernel = Helper(
    number: 113, name: "probe_read_kernel",
    arguments: [.writableMemory(), .size(allowsZero: true), .anything], isGPLOnly: true
  ) { target, size, source, _, _, cpu in
    Probe(cpu, source, space: .kernel).read(target, size)
  }

  /// `bpf_probe_read_user_str`: reads to the zero byte; returns the bytes with it.
  static let probeReadUserString = Helper(
    number: 114, name: "probe_read_user_str",
    arguments: [.writableMemory(), .size(allowsZero: true), .anything], isGPLOnly: true
  ) { target, size, source, _, _, cpu in
    Probe(cpu, source, space: .user).readText(target, size)
  }

  /// `bpf_probe_read_kernel_str`: the same from the kernel's memory.
  static let probeReadKernelString = Helper(
    number: 115, name: "probe_read_kernel_str",
    arguments: [.writableMemory(), .size(allowsZero: true), .anything], isGPLOnly: true
  ) { target, size, source, _, _, cpu in
    Probe(cpu, source, space: .kernel).readText(target, size)
  }

  /// `bpf_copy_from_user`: as ``probeReadUser``, for programs that may sleep.
  static let copyFromUser = Helper(
    number: 148, name: "copy_from_user",
    arguments: [.writableMemory(), .size(allowsZero: true), .anything]
  ) { target, size, source, _, _, cpu in
    Probe(cpu, source, space: .user).read(target, size)
  }

  /// `bpf_probe_write_user`: hands bytes to ``ProbedMemory/writer``; EPERM without one, which is
  /// what Linux says outside a process's own context.
  static let probeWriteUser = Helper(
    number: 36, name: "probe_write_user",
    arguments: [.anything, .readableMemory(), .size()], isGPLOnly: true
  ) { target, source, size, _, _, cpu in
    let bytes = GuestMemory.bytes(at: source, count: Int(size.asUInt32))
    return RunningCPU(address: cpu).withOwner { owner in
      guard let writer = owner.environment.memory.writer else {
        return LinuxError.notPermitted.helperResult
      }
      return writer(target, bytes) ? 0 : LinuxError.badAddress.helperResult
    }
  }
}

/// One attempt to read from an address.
private struct Probe {
  let cpu: RunningCPU
  let address: UInt64
  let space: ProbedMemory.Space
  /// Whether what the program has itself may be read: the kernel's memory in Linux, wherever it is
  /// here.
  let seesOwnMemory: Bool

  /// Addresses of processes end here (four-level page tables); the kernel's start a page later, and
  /// what lies between is nobody's.
  private static let userEnd: UInt64 = 0x7fff_ffff_f000
  private static let kernelStart: UInt64 = 0xffff_8000_0000_0000

  init(_ cpu: UInt64, _ address: UInt64, space: ProbedMemory.Space?) {
    self.cpu = RunningCPU(address: cpu)
    self.address = address
    self.space = space ?? (address < Self.userEnd ? .user : .kernel)
    seesOwnMemory = space != .user
  }

  /// The bytes that can be read, up to a count.
  private func bytes(_ count: Int) -> [UInt8] {
    let declared = cpu.withOwner {
      $0.environment.memory.bytes(at: address, count: count, in: space)
    }
    guard declared.isEmpty, seesOwnMemory else { return declared }
    return cpu.readableBytes(at: address, limit: count)
  }

  private var error: LinuxError {
    space == .kernel && address < Self.kernelStart ? .outOfRange : .badAddress
  }

  func read(_ target: UInt64, _ size: UInt64) -> UInt64 {
    let count = Int(size.asUInt32)
    guard count > 0 else { return 0 }
    let bytes = bytes(count)
    guard bytes.count == count else {
      GuestMemory.clear(target, count: count)
      return error.helperResult
    }
    GuestMemory.write(bytes, to: target)
    return 0
  }

  func readText(_ target: UInt64, _ size: UInt64) -> UInt64 {
    let count = Int(size.asUInt32)
    guard count > 0 else { return 0 }
    let bytes = bytes(count)
    if let end = bytes.firstIndex(of: 0) {
      GuestMemory.write(Array(bytes[...end]), to: target)
      return UInt64(end + 1)
    }
    guard bytes.count == count else {
      GuestMemory.clear(target, count: count)
      return error.helperResult
    }
    GuestMemory.write(bytes.dropLast() + [0], to: target)
    return UInt64(count)
  }
}
