// UNSAFE. How a helper runs a subprogram of the program that called it.
//
// Invariant: the engine noted its caller in the CPU's words before it called the helper, and the
// function's address is one of the calling program's: tested against the signature in checked runs,
// proved otherwise.

/// Calls a subprogram of the running program from inside a helper, in the engine that runs it.
///
/// The subprogram gets a frame of its own below its caller's and the rest of the run's budgets:
/// hops, instructions, memory for helpers. What the words say about the caller is put back after
/// every call, because the subprogram may call such helpers itself.
@safe
struct SubprogramCaller {
  private let cpu: RunningCPU
  private let function: UInt64
  private let caller: RunningCPU.Caller
  private let stack: Range<UInt64>
  private let callBack: ProgramCompiler.CallBackFunction?

  /// Bytes that the helper may use between the caller's frame and the subprogram's.
  let scratch: UInt64

  /// Prepares calls of one function.
  ///
  /// - Parameter usesScratch: Whether the helper wants ``scratch``: 512 bytes on the program's
  ///   stack for what it passes by address.
  init(_ cpu: RunningCPU, _ function: UInt64, usesScratch: Bool = false) {
    self.cpu = cpu
    self.function = function
    caller = unsafe cpu.words.pointee.caller
    (stack, callBack) = cpu.withOwner { ($0.stackAddresses, $0.runtime.compiler?.callBack) }
    let frame = UInt64(Limits.frameByteCount)
    framePointer = caller.framePointer &- (usesScratch ? 2 * frame : frame)
    scratch = caller.framePointer &- 2 * frame
  }

  private let framePointer: UInt64

  /// Whether the program may have another frame; a run stops with a fault otherwise.
  ///
  /// Interpreters count frames. Compiled code does not, because its text bounds them, except in
  /// callbacks that reach themselves, which no verifier lets pass: those end before the stack does.
  private var hasRoom: Bool {
    let frames = caller.engine == .compiled ? 0 : caller.depth
    let reserve = UInt64(caller.engine == .compiled ? Limits.stackByteCount / 2 : 0)
    guard frames < UInt64(Limits.frames), framePointer > stack.lowerBound &+ reserve else {
      unsafe cpu.words.pointee.faultCode = FaultCode.callStackTooDeep.rawValue
      unsafe cpu.words.pointee.faultPosition = caller.entry
      return false
    }
    return true
  }

  /// Calls the function; `nil` when the run has to end, because of a fault.
  func call(_ r1: UInt64, _ r2: UInt64, _ r3: UInt64 = 0, _ r4: UInt64 = 0) -> UInt64? {
    guard hasRoom else { return nil }
    let value: UInt64
    switch caller.engine {
    case .checked:
      value = interpret([r1, r2, r3, r4, 0], CheckedRun.self)
    case .unchecked:
      value = interpret([r1, r2, r3, r4, 0], UncheckedRun.self)
    case .compiled:
      guard let callBack else { return nil }
      let entryStack = unsafe cpu.words.pointee.entryStack
      unsafe cpu.words.pointee.caller.framePointer = framePointer
      value = callBack(function, cpu.address, r1, r2, r3, r4)
      unsafe cpu.words.pointee.entryStack = entryStack
    }
    unsafe cpu.words.pointee.caller = caller
    return unsafe cpu.words.pointee.faultCode == 0 ? value : nil
  }

  private func interpret<Policy: RunPolicy>(
    _ arguments: InlineArray<5, UInt64>, _ policy: Policy.Type
  ) -> UInt64 {
    let memory = RunMemory<Policy>(
      cpu: cpu, stackHigh: stack.upperBound, framePointer: framePointer, entry: caller.entry)
    return Interpreter<Policy>.run(
      function, memory, frames: FrameStack(records: caller.records, depth: caller.depth &+ 1),
      arguments: HelperArguments(values: arguments))
  }
}

extension RunMemory {
  /// Says where the program is that calls a helper which calls back.
  @inline(never)
  func noteCaller(_ framePointer: UInt64, _ frames: FrameStack) {
    unsafe cpu.words.pointee.caller.framePointer = framePointer
    unsafe cpu.words.pointee.caller.entry = entry
    unsafe cpu.words.pointee.caller.records = frames.nextRecord
    unsafe cpu.words.pointee.caller.depth = frames.depth
  }

  /// Whether something has stopped the run.
  var hasFault: Bool { unsafe cpu.words.pointee.faultCode != 0 }
}
