import BPFInstructions
import BPFObject
import BPFRuntime

// Whether accesses stay inside what a pointer points into.
extension Explorer {
  /// Whether programs of this type may write the packet themselves. Which may read it at all say
  /// the context's fields.
  var packetIsWritable: Bool {
    switch program.type.number {
    case 3, 4, 6, 12, 14, 16, 25: true
    default: program.type.number > 0xffff
    }
  }

  /// Whether a helper may be given the packet as memory.
  func packetIsOpen(to signature: HelperSignature, writes: Bool) -> Bool {
    switch program.type.number {
    case 8, 10, 11, 19, 21, 22: signature.takesPacket && !writes
    case 25: true
    default: packetIsWritable && signature.takesPacket
    }
  }

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
    _ register: Register, _ base: RegisterState, offset: Int, size: Int, isWrite: Bool,
    isDirect: Bool = false
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
    if !map.specialFields.isEmpty {
      try checkSpecialFields(map, register, base, offset: offset, size: size, isDirect: isDirect)
    }
  }

  /// What belongs to helpers is not touched directly.
  private func checkSpecialFields(
    _ map: MapShape, _ register: Register, _ base: RegisterState, offset: Int, size: Int,
    isDirect: Bool
  ) throws(Refusal) {
    let distance = Int64(base.offset) + Int64(offset)
    let first = distance &+ base.scalar.signedMinimum
    let last = distance &+ Int64(base.scalar.maximum) &+ Int64(size)
    let number = Int(register.rawValue)
    for field in map.specialFields {
      let place = Int64(field.offset)
      guard first < place + Int64(field.byteCount), place < last else { continue }
      guard field.kind.isPointer else {
        throw .access(
          "\(field.kind.name) cannot be accessed directly by load/store", register: number)
      }
      guard isDirect else {
        throw .access("kptr cannot be accessed indirectly by helper", register: number)
      }
      guard base.hasFixedOffset else {
        throw .access("kptr access cannot have variable offset", register: number)
      }
      guard first == place else {
        throw .access("kptr access misaligned expected=\(place) off=\(first)", register: number)
      }
      guard size == 8 else { throw .access("kptr access size must be BPF_DW", register: number) }
    }
  }

  /// A read of a map's value; contents that cannot change are constants.
  mutating func loadMapValue(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) -> RegisterState {
    try checkMapValue(
      register, base, offset: offset, size: size, isWrite: false, isDirect: true)
    let map = program.maps[Int(base.map)]
    if let start = base.fixedOffset, map.holdsPointer(at: Int(start) + offset) {
      var value = RegisterState.pointer(.stored, orNull: true)
      value.id = newID()
      return value
    }
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

  /// Fields of a socket are read as they stand in its C structure.
  mutating func checkSocket(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    let number = Int(register.rawValue)
    let kind = HelperSignature.Socket(rawValue: base.detail) ?? .common
    if base.scalar.signedMinimum < 0 {
      throw .access(
        "R\(number) min value is negative, either use unsigned index or do a if (index >=0) check.",
        register: number)
    }
    let start = Int(base.offset) + offset
    guard base.hasFixedOffset,
      LinuxContexts.socket(kind).field(at: start, size: size, isWrite: false) != nil
    else {
      throw .access(
        "R\(number) invalid \(base.typeName) access off=\(start) size=\(size)", register: number)
    }
    // The access is translated, for one kind of socket only.
    let known = handleKinds.updateValue(base.detail, forKey: slot)
    guard known == nil || known == base.detail else {
      throw .invalid("same insn cannot be used with different pointers")
    }
  }

  func checkFlowKeys(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    let start = Int(base.offset) + offset
    // Bytes of `struct bpf_flow_keys`.
    guard start >= 0, start + size <= 56 else {
      throw .access(
        "invalid access to flow keys off=\(start) size=\(size)", register: Int(register.rawValue))
    }
  }

  func checkTracepointBuffer(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    let number = Int(register.rawValue)
    guard offset >= 0 else {
      throw .access(
        "R\(number) invalid tracepoint buffer access: off=\(offset), size=\(size)",
        register: number)
    }
    guard base.hasFixedOffset else {
      throw .access(
        "R\(number) invalid variable buffer offset: off=\(offset), "
          + "var_off=\(base.scalar.bits.text)", register: number)
    }
  }

  /// What a kernel's structure looks like is known to the kernel's own types only.
  func needsKernelTypes(_ register: Register, _ base: RegisterState) -> Refusal {
    .access(
      "R\(register.rawValue) is a pointer to the kernel's struct \(base.kernelObject?.name ?? ""): "
        + "its fields need kernel BTF", register: Int(register.rawValue))
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
    case .stored: return .unknown
    case .socket(let kind, let orNull):
      var socket = RegisterState.pointer(orNull ? .socketOrNull : .socket)
      socket.detail = kind.rawValue
      if orNull { socket.id = newID() }
      return socket
    case .flowKeys: return .pointer(.flowKeys)
    case .tracepointBuffer: return .pointer(.tracepointBuffer)
    case .kernelObject(let name):
      guard let object = KernelObject(name: name) else { return .unknown }
      return .pointer(object)
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
