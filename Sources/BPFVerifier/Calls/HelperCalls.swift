import BPFInstructions
import BPFRuntime

/// What a call's arguments turned out to be, as far as later ones and the result depend on it.
struct CallFacts {
  var map: Int?
  /// Of `ringbuf_reserve`: how much memory it gives out.
  var allocation: UInt32 = 0
  /// The handle that the call gives back.
  var released: UInt32 = 0
  /// The identity of a socket argument, for results that belong to it.
  var socket = RegisterState.uninitialized
  /// For array lookups: whether the key is one that is always there.
  var isCertainHit = false
  var callback: Int?
  var callbackData = RegisterState.uninitialized
  var lock: RegisterState?
  /// The map that a timer's value belongs to.
  var timerMap: Int?
  /// The dynptr that is made, used or given back: its place in the stack.
  var dynptr: DynptrPlace?
  /// What a place in a map's value holds.
  var object: KernelObject?
  /// Of memory with a size: the most that it may be.
  var largestSize = 0
  /// Memory that the helper fills.
  var filled: [(base: RegisterState, size: Int, isExact: Bool)] = []
}

extension Explorer {
  mutating func callHelper(_ instruction: Instruction) throws(Refusal) -> Flow {
    let number = instruction.immediate
    guard
      let name = number == 0
        ? "unspec" : HelperNames.name(of: number) ?? program.type.helpers[number]?.name
    else { throw .invalid("invalid func unknown#\(number)") }
    let isPermitted =
      program.type.permits(number)
      && !(options.isStrict && HelperTable.needsPointerRights(number, program.type))
    guard isPermitted else {
      throw .invalid("program of this type cannot use helper bpf_\(name)#\(number)")
    }
    guard let signature = program.type.signature(of: number) else {
      throw .invalid("helper bpf_\(name)#\(number) cannot be verified yet")
    }
    if signature.maySleep, !program.isSleepable {
      throw .invalid("helper call might sleep in a non-sleepable prog")
    }
    if signature.isGPLOnly, !program.isGPLCompatible {
      throw .invalid("cannot call GPL-restricted function from non-GPL compatible program")
    }
    if state.lock != 0, number != 94 {
      throw .invalid("function calls are not allowed while holding a lock")
    }
    var facts = CallFacts()
    for (position, argument) in signature.arguments.enumerated() {
      try checkArgument(
        argument, Register(rawValue: UInt8(position + 1)), signature, position, &facts)
    }
    try checkMapUse(number, signature, facts)
    try checkSpecialRules(signature, facts)
    for memory in facts.filled {
      if memory.base.kind == .stack { try fillStack(memory.base, memory.size, memory.isExact) }
    }
    if facts.callback != nil { try forkCallback(signature, facts) }
    try applyDynptr(signature, facts)
    try finishCall(signature, facts)
    return .next
  }

  /// What a helper leaves: its result in r0, nothing in the other argument registers.
  private mutating func finishCall(
    _ signature: HelperSignature, _ facts: CallFacts
  ) throws(Refusal) {
    if let lock = facts.lock {
      try applyLock(signature.number, lock)
    }
    if facts.released != 0 { try giveBack(facts.released, signature) }
    clearCallerSaved()
    if signature.changesPacket { forgetPacket() }
    if let map = facts.map {
      // What was found in a map of maps can be any map like the template.
      let isTemplate = program.maps.contains { $0.inner == map }
      self.facts[slot].note(map: isTemplate ? -2 : Int32(truncatingIfNeeded: map))
    }
    self[.r0] = try result(signature, facts)
  }

  private mutating func result(
    _ signature: HelperSignature, _ facts: CallFacts
  ) throws(Refusal) -> RegisterState {
    switch signature.result {
    case .void: return .uninitialized
    case .scalar: return RegisterState(resultRange(signature.number, facts))
    case .mapValue:
      return .pointer(.mapValue, map: Int32(truncatingIfNeeded: facts.map ?? 0))
    case .mapValueOrNull: return lookupResult(signature, facts)
    case .memoryOrNull:
      var value = identified(.memoryOrNull)
      value.range = facts.allocation
      value.detail = RegisterState.reserved
      value.reference = acquire(value.id)
      return value
    case .dynptrMemoryOrNull:
      var value = identified(.memoryOrNull)
      value.range = facts.allocation
      try bind(&value, to: facts.dynptr)
      return value
    case .socketOrNull(let kind):
      var value = identified(.socketOrNull)
      value.detail = kind.rawValue
      if signature.acquires {
        value.reference = acquire(value.id)
      } else if signature.number != 98 {
        // The same socket in another form. A listener is another one.
        value.reference = facts.socket.reference
      }
      return value
    case .kernelObject(let object): return .pointer(object)
    case .kernelObjectOrNull(let object):
      var value = RegisterState.pointer(object, orNull: true)
      value.id = newID()
      if object.isSocket { value.reference = facts.socket.reference }
      return value
    }
  }

  private mutating func identified(_ kind: RegisterKind) -> RegisterState {
    var value = RegisterState.pointer(kind)
    value.id = newID()
    return value
  }

  /// What is known of some results.
  private func resultRange(_ number: Int32, _ facts: CallFacts) -> Scalar {
    let mostCPUs: UInt64 = 4096
    switch number {
    case 8: return .between(0, mostCPUs - 1)
    case 45, 67, 114, 115, 141:
      var scalar = Scalar.anything
      scalar.signedMinimum = -4095
      scalar.signedMaximum = Int64(facts.largestSize)
      scalar.tighten()
      return scalar
    default: return .anything
    }
  }

  private mutating func lookupResult(
    _ signature: HelperSignature, _ facts: CallFacts
  ) -> RegisterState {
    guard let index = facts.map else { return .unknown }
    let map = program.maps[index]
    if signature.number == 1, [15, 17, 18].contains(map.type.rawValue) {
      return lookedUpSocket(map.type.rawValue)
    }
    if let inner = map.inner {
      var value = RegisterState.pointer(.mapOrNull, map: Int32(truncatingIfNeeded: inner))
      value.id = newID()
      return value
    }
    let kind: RegisterKind = facts.isCertainHit ? .mapValue : .mapValueOrNull
    var value = RegisterState.pointer(kind, map: Int32(truncatingIfNeeded: index))
    if !facts.isCertainHit || map.isNamed { value.id = newID() }
    return value
  }

  /// Sockets in maps: a program that looks one up has to give it back, if it is not an AF_XDP one.
  private mutating func lookedUpSocket(_ mapType: UInt32) -> RegisterState {
    var value = identified(.socketOrNull)
    let isXDP = mapType == 17
    value.detail = (isXDP ? HelperSignature.Socket.xdp : .full).rawValue
    if !isXDP { value.reference = acquire(value.id) }
    return value
  }

  mutating func acquire(_ id: UInt32) -> UInt32 {
    state.references.append(PathState.Reference(id: id, instruction: slot))
    return id
  }

  mutating func giveBack(
    _ reference: UInt32, _ signature: HelperSignature
  ) throws(Refusal) {
    guard let index = state.references.firstIndex(where: { $0.id == reference }) else {
      throw .invalid(
        "func \(signature.name)#\(signature.number) reference has not been acquired before")
    }
    state.references.remove(at: index)
    state.change(where: { $0.reference == reference }, by: { $0 = .unknown })
  }

  /// The packet may have moved: addresses in it are numbers now.
  mutating func forgetPacket() {
    state.change(where: { $0.kind.isPacket || $0.kind == .packetEnd }, by: { $0 = .unknown })
  }

  private mutating func applyLock(_ number: Int32, _ value: RegisterState) throws(Refusal) {
    if number == 93 {
      guard state.lock == 0 else { throw .invalid("Locking two bpf_spin_locks are not allowed") }
      state.lock = value.id == 0 ? UInt32(value.map) &+ 1 &+ (1 << 30) : value.id
    } else {
      guard state.lock != 0 else { throw .invalid("bpf_spin_unlock without taking a lock") }
      let expected = value.id == 0 ? UInt32(value.map) &+ 1 &+ (1 << 30) : value.id
      guard state.lock == expected else {
        throw .invalid("bpf_spin_unlock of different lock")
      }
      state.lock = 0
    }
  }

  /// Marks what a helper wrote into the stack.
  private mutating func fillStack(
    _ base: RegisterState, _ size: Int, _ isExact: Bool
  ) throws(Refusal) {
    guard size > 0 else { return }
    let first = Int(base.offset) + Int(base.scalar.signedMinimum)
    let last = Int(base.offset) + Int(base.scalar.signedMaximum) + size
    try overwrite(Int(base.frame), first, last - first)
    guard isExact, base.hasFixedOffset else { return }
    for index in 0..<64 where -8 * (index + 1) >= first && -8 * index <= last {
      written[Int(base.frame)] |= 1 &<< UInt64(index)
    }
  }
}
