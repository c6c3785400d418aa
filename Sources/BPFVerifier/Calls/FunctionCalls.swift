import BPFInstructions
import BPFObject
import BPFRuntime

// Subprograms, callbacks, tail calls and returns.
extension Explorer {
  mutating func callSubprogram(_ instruction: Instruction) throws(Refusal) -> Flow {
    jumps &+= 1
    let target = code.function(at: slot &+ 1 &+ Int(instruction.immediate))
    guard state.lock == 0 || !code.functions[target].isGlobal else {
      throw .invalid("global function calls are not allowed while holding a lock")
    }
    if code.functions[target].isGlobal {
      try callGlobal(target)
      return .next
    }
    try enter(target, purpose: .call)
    for number in 1...5 {
      state.frame.registers[number] = state.callers[state.depth - 1].registers[number]
    }
    clearCallerSaved(state.depth - 1)
    return .to(code.functions[target].start)
  }

  /// Pushes a frame.
  mutating func enter(_ function: Int, purpose: Frame.Purpose) throws(Refusal) {
    let depth = state.depth + 1
    guard depth < Limits.frames else {
      throw .tooBig("the call stack of \(depth + 1) frames is too deep")
    }
    // Numbers of this frame are compared one by one while it waits: each needs a node of its own.
    for number in 0..<10 where state.frame.registers[number].kind == .scalar {
      let source = state.frame.registers[number].source
      state.frame.registers[number].source = provenance.node(source)
    }
    state.callers.append(state.frame)
    state.frame = Frame(function: function, callSite: slot, depth: depth)
    state.frame.purpose = purpose
    written[depth] = StackMasks.allWritten
  }

  private mutating func clearCallerSaved(_ depth: Int) {
    for number in 0...5 { state.callers[depth].registers[number] = .uninitialized }
  }

  /// A global function is verified by its type, so a call only has to fit the type.
  private mutating func callGlobal(_ target: Int) throws(Refusal) {
    let function = code.functions[target]
    guard let prototype = function.prototype else {
      throw .invalid("Caller passes invalid args into func#\(target) ('\(function.name)')")
    }
    for (position, parameter) in prototype.parameters.prefix(5).enumerated() {
      let register = Register(rawValue: UInt8(position + 1))
      do throws(Refusal) {
        try checkGlobalArgument(self[register], register, parameter, position)
      } catch {
        throw Refusal(
          errno: error.errno,
          message: "\(error.message)\nCaller passes invalid args into func#\(target) "
            + "('\(function.name)')", register: position + 1)
      }
    }
    calledGlobals.insert(target)
    clearCallerSaved()
    if function.changesPacket { forgetPacket() }
    self[.r0] = .unknown
  }

  private mutating func checkGlobalArgument(
    _ value: RegisterState, _ register: Register, _ parameter: FunctionPrototype.Value,
    _ position: Int
  ) throws(Refusal) {
    let number = register.rawValue
    switch parameter {
    case .number: if !value.isScalar { throw .invalid("R\(number) is not a scalar") }
    case .pointer(let structure, let byteCount, let isNonNull):
      if program.type.contextStructures.contains(structure) {
        guard value.kind == .context else {
          throw .invalid("arg#\(position) expects pointer to ctx")
        }
        return try checkUnmodified(register, value)
      }
      if value.isZero || value.kind.mayBeNull, isNonNull {
        throw .invalid("arg#\(position) is expected to be non-NULL")
      }
      if value.isZero { return needsPrecisely(value) }
      try checkGlobalMemory(value, register, Int(byteCount))
    case .void, .other: throw .invalid("arg#\(position) has a type that is not supported")
    }
  }

  /// Memory that a global function may read and write.
  private mutating func checkGlobalMemory(
    _ given: RegisterState, _ register: Register, _ byteCount: Int
  ) throws(Refusal) {
    guard byteCount > 0 else { throw .invalid("memory of unknown size") }
    var value = given
    value.kind = value.kind.nonNull
    do throws(Refusal) {
      for writes in [false, true] {
        try checkBuffer(
          register, value, size: byteCount, writes: writes, HelperSignature(0, []))
      }
    } catch {
      throw .invalid(error.message)
    }
    guard value.kind == .stack else { return }
    let first = Int(value.offset) + Int(value.scalar.signedMinimum)
    let last = Int(value.offset) + Int(value.scalar.signedMaximum) + byteCount
    try overwrite(Int(value.frame), first, last - first)
  }

  mutating func exit() throws(Refusal) -> Flow {
    guard state.depth > 0 else {
      if state.frame.purpose == .later {
        try checkEnd("BPF_EXIT instruction in main prog")
        try checkCallbackResult(self[.r0], "At async callback return", 0)
        return .ended
      }
      try checkEnd("BPF_EXIT instruction in main prog")
      if returnValues.isBounded { needsPrecisely(self[.r0]) }
      try returnValues.check(self)
      return .ended
    }
    let result = self[.r0]
    if result.kind == .stack { throw .invalid("cannot return stack pointer to the caller") }
    let frame = state.frame
    if case .callback(let helper, let maximum) = frame.purpose {
      return try leaveCallback(frame, result, helper, maximum)
    }
    leave()
    self[.r0] = result
    return .to(frame.callSite + 1)
  }

  mutating func leave() {
    state.frame = state.callers.removeLast()
  }

  /// Handles must be given back and locks released before control leaves for good.
  func checkEnd(_ name: String) throws(Refusal) {
    if state.lock != 0 {
      throw .invalid("\(name) cannot be used inside bpf_spin_lock-ed region")
    }
    if let reference = state.references.first {
      let text = "Unreleased reference id=\(reference.id) alloc_insn=\(reference.instruction)"
      guard name.hasPrefix("tail_call") else {
        throw .invalid("\(text)\n\(name) would lead to reference leak")
      }
      throw .invalid("\(text)\ntail_call would lead to reference leak")
    }
  }
}

// Tail calls (tail-calls.md section 5).
extension Explorer {
  mutating func tailCall() throws(Refusal) -> Flow {
    guard let signature = HelperTable.signatures[12] else {
      throw .invalid("program of this type cannot use helper bpf_tail_call#12")
    }
    if state.lock != 0 { throw .invalid("function calls are not allowed while holding a lock") }
    var known = CallFacts()
    for (position, argument) in signature.arguments.enumerated() {
      try checkArgument(
        argument, Register(rawValue: UInt8(position + 1)), signature, position, &known)
    }
    try checkMapUse(12, signature, known)
    guard !isInCallback else { throw .invalid("cannot tail call within callback") }
    try checkEnd("tail_call")
    if let map = known.map { facts[slot].note(map: Int32(truncatingIfNeeded: map)) }
    let index = self[.r3]
    if index.isScalar, let constant = index.scalar.constant {
      needsPrecisely(index)
      facts[slot].note(constant: constant & 0xffff_ffff)
    } else {
      facts[slot].note(constant: nil)
    }
    clearCallerSaved()
    if state.depth > 0 { try forkTaken() }
    return .next
  }

  /// A taken tail call in a subprogram ends in the caller, with any result, and the packet may have
  /// moved (R5.6).
  private mutating func forkTaken() throws(Refusal) {
    let here = state
    let site = state.frame.callSite
    leave()
    self[.r0] = .unknown
    forgetPacket()
    try fork(to: site + 1)
    state = here
  }

  private var isInCallback: Bool {
    for depth in 0...state.depth {
      let purpose = depth == state.depth ? state.frame.purpose : state.callers[depth].purpose
      if purpose != .call { return true }
    }
    return false
  }
}
