import BPFInstructions
import BPFRuntime

// Whether accesses stay inside what a pointer points into.
extension Explorer {
  /// Whether programs of this type may write the packet; which they may at all say the context's
  /// fields.
  var packetIsWritable: Bool { program.type.number != 8 }

  func checkPacket(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    let number = register.rawValue
    if base.scalar.signedMinimum < 0 {
      throw .access(
        "R\(number) min value is negative, either use unsigned index or do a if (index >=0) check.",
        register: Int(number))
    }
    let distance = Int(base.offset) + offset
    guard distance >= 0, distance + size <= Int(base.range) else {
      throw .access(
        "invalid access to packet, off=\(distance) size=\(size), R\(number)(id=\(base.id),"
          + "off=\(distance),r=\(base.range))\nR\(number) offset is outside of the packet",
        register: Int(number))
    }
  }

  func checkMemory(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    try checkRegion(
      register, base, offset: offset, size: size, of: Int(base.range),
      "memory, mem_size=\(base.range)")
  }

  /// An access somewhere in a block of a known size.
  func checkRegion(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int, of regionSize: Int,
    _ name: String
  ) throws(Refusal) {
    let number = register.rawValue
    let distance = Int64(base.offset) + Int64(offset)
    let lowest = distance.addingReportingOverflow(base.scalar.signedMinimum)
    let isNegative =
      base.scalar.signedMinimum < 0
      && (base.scalar.signedMinimum == .min || lowest.overflow
        || Int64(Int32(truncatingIfNeeded: lowest.0)) != lowest.0 || lowest.0 < 0)
    if isNegative {
      throw .access(
        "R\(number) min value is negative, either use unsigned index or do a if (index >=0) check.",
        register: Int(number))
    }
    try checkPlace(lowest.overflow ? .max : lowest.0, size, regionSize, name, (number, "min"))
    guard base.scalar.maximum < 1 << 29 else {
      throw .access(
        "R\(number) unbounded memory access, make sure to bounds check any such access",
        register: Int(number))
    }
    try checkPlace(
      distance + Int64(base.scalar.maximum), size, regionSize, name, (number, "max"))
  }

  private func checkPlace(
    _ offset: Int64, _ size: Int, _ regionSize: Int, _ name: String,
    _ bound: (register: UInt8, name: String)
  ) throws(Refusal) {
    guard offset >= 0, offset <= Int64(regionSize) - Int64(size) else {
      throw .access(
        "invalid access to \(name) off=\(offset) size=\(size)\nR\(bound.register) \(bound.name) "
          + "value is outside of the allowed memory range", register: Int(bound.register))
    }
  }

  func checkMapValue(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int, isWrite: Bool
  ) throws(Refusal) {
    let map = program.maps[Int(base.map)]
    let place = "value_size=\(map.valueSize) off=\(Int(base.offset) + offset) size=\(size)"
    if isWrite,
      map.definition.flags.contains(.readOnlyForPrograms)
        || Self.isReadOnlyByNature(map.type.rawValue)
    {
      throw .access("write into map forbidden, \(place)", register: Int(register.rawValue))
    }
    if !isWrite, map.definition.flags.contains(.writeOnlyForPrograms) {
      throw .access("read from map forbidden, \(place)", register: Int(register.rawValue))
    }
    try checkRegion(
      register, base, offset: offset, size: size, of: map.valueSize,
      "map value, value_size=\(map.valueSize)")
    if let lock = map.lockOffset {
      let distance = Int64(base.offset) + Int64(offset)
      let first = distance &+ base.scalar.signedMinimum
      let last = distance &+ Int64(base.scalar.maximum) &+ Int64(size)
      if first < Int64(lock) + 4, Int64(lock) < last {
        throw .access("bpf_spin_lock cannot be accessed directly by load/store")
      }
    }
  }

  /// A read of a map's value; contents that cannot change are constants.
  mutating func loadMapValue(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) -> RegisterState {
    try checkMapValue(register, base, offset: offset, size: size, isWrite: false)
    let map = program.maps[Int(base.map)]
    guard let constants = map.constants, let start = base.fixedOffset else {
      if map.constants != nil { facts[slot].note(constant: nil) }
      return .unknown
    }
    let first = Int(start) + offset
    guard first >= 0, first + size <= constants.count else { return .unknown }
    var value: UInt64 = 0
    for index in 0..<size { value |= UInt64(constants[first + index]) << UInt64(index * 8) }
    facts[slot].note(constant: value)
    return RegisterState(constant: value)
  }

  func checkSocket(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    let start = Int(base.fixedOffset ?? -1) + offset
    // Of `struct bpf_sock`: words; what a socket has before it is a full one is family, addresses,
    // ports and state.
    let isCommon = base.detail == HelperSignature.Socket.common.rawValue
    let isReadable =
      size == 4 && start % 4 == 0 && (0..<80).contains(start)
      && (!isCommon || start == 4 || start >= 24)
    guard base.hasFixedOffset, isReadable else {
      throw .access(
        "R\(register.rawValue) invalid sock access off=\(start) size=\(size)",
        register: Int(register.rawValue))
    }
  }
}

// The context.
extension Explorer {
  /// The context is accessed at fixed offsets only, because each field is a case of its own.
  func checkUnmodified(_ register: Register, _ base: RegisterState) throws(Refusal) {
    let number = register.rawValue
    let name = base.kind.logName
    guard base.hasFixedOffset else {
      throw .access(
        "variable \(name) access var_off=\(base.scalar.bits.text) disallowed",
        register: Int(number))
    }
    let offset = base.fixedOffset ?? 0
    if offset < 0 {
      throw .access(
        "negative offset \(name) ptr R\(number) off=\(offset) disallowed", register: Int(number))
    }
    if offset != 0 {
      throw .access(
        "dereference of modified \(name) ptr R\(number) off=\(offset) disallowed",
        register: Int(number))
    }
  }

  mutating func loadContext(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) -> RegisterState {
    try checkUnmodified(register, base)
    guard let field = program.type.context.field(at: offset, size: size, isWrite: false)
    else {
      throw .access("invalid bpf_context access off=\(offset) size=\(size)", register: 1)
    }
    try note(.context)
    facts[slot].contextOffset = Int32(truncatingIfNeeded: offset)
    switch field.value {
    case .packetStart: return .pointer(.packet)
    case .packetEnd: return .pointer(.packetEnd)
    case .packetMetadata: return .pointer(.packetMetadata)
    case .stored:
      guard field.name == "sk", program.type.number < 0x1_0000 else { return .unknown }
      var socket = RegisterState.pointer(.socketOrNull)
      socket.detail = HelperSignature.Socket.common.rawValue
      socket.id = newID()
      return socket
    }
  }

  mutating func storeContext(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    try checkUnmodified(register, base)
    guard program.type.context.field(at: offset, size: size, isWrite: true) != nil else {
      throw .access("invalid bpf_context access off=\(offset) size=\(size)", register: 1)
    }
    try note(.context)
    facts[slot].contextOffset = Int32(truncatingIfNeeded: offset)
  }

  /// The legacy loads: r6 is the context, the result is in r0, and a packet that is too short ends
  /// the program.
  mutating func loadPacket(
    _ instruction: Instruction, _ size: Operation.Size, indirect: Bool
  ) throws(Refusal) {
    guard program.type.allowsPacketLoads else {
      throw .invalid("BPF_LD_[ABS|IND] instructions not allowed for this program type")
    }
    guard state.references.isEmpty else {
      throw .invalid("BPF_LD_[ABS|IND] would lead to reference leak")
    }
    guard state.lock == 0 else {
      throw .invalid("BPF_LD_[ABS|IND] cannot be used inside bpf_spin_lock-ed region")
    }
    let context = try read(.r6)
    guard context.kind == .context else {
      throw .invalid(
        "at the time of BPF_LD_ABS|IND R6 != pointer to skb", register: 6)
    }
    if indirect { _ = try read(instruction.source) }
    try checkUnmodified(.r6, context)
    clearCallerSaved()
    self[.r0] = .unknown
  }
}
