import BPFInstructions
import BPFRuntime

// Whether a register holds what a helper takes there.
extension Explorer {
  mutating func checkArgument(
    _ argument: HelperSignature.Argument, _ register: Register, _ signature: HelperSignature,
    _ position: Int, _ facts: inout CallFacts
  ) throws(Refusal) {
    let value = try read(register)
    switch argument {
    case .anything:
      if options.isStrict, !value.isScalar {
        throw .access("R\(register.rawValue) leaks addr into helper function")
      }
    case .context:
      try expect(register, value, [.context], "ctx")
      try checkUnmodified(register, value)
    case .map:
      try expect(register, value, [.map], "map_ptr")
      try checkUnmodified(register, value)
      if let known = facts.map, known != Int(value.map) { throw .invalid("map_ptr mismatch") }
      facts.map = Int(value.map)
    case .mapKey:
      guard let map = facts.map else { throw .access("invalid map_ptr to access map->key") }
      try checkBuffer(register, value, size: program.maps[map].keySize, writes: false, signature)
      noteKey(value, map, &facts)
    case .mapValue, .newMapValue, .mapValueOrNull:
      guard let map = facts.map else { throw .access("invalid map_ptr to access map->value") }
      if argument == .mapValueOrNull, value.isZero { return needsPrecisely(value) }
      if [15, 18].contains(program.maps[map].type.rawValue) {
        return try checkSocketArgument(
          register, value, signature, .anyOrObject, orNull: false, &facts)
      }
      // What is peeked at in a bloom filter is looked for, not filled in.
      let writes = argument == .newMapValue && program.maps[map].type.rawValue != 30
      let size = program.maps[map].valueSize
      try checkBuffer(register, value, size: size, writes: writes, signature)
      if writes { facts.filled.append((value, size, true)) }
    case .memory(let writes, let orNull):
      try checkSized(register, value, signature, position, writes: writes, orNull: orNull, &facts)
    case .size: break
    case .alignedMemory(let byteCount, let writes):
      try expect(register, value, Self.bufferKinds, Self.bufferNames)
      try checkAlignment(value, offset: 0, size: byteCount, always: true)
      try checkBuffer(register, value, size: byteCount, writes: writes, signature)
      if writes { facts.filled.append((value, byteCount, true)) }
    case .fixedMemory(let byteCount, let writes):
      try checkBuffer(register, value, size: byteCount, writes: writes, signature)
      if writes { facts.filled.append((value, byteCount, true)) }
    default: try checkHandle(argument, register, value, signature, &facts)
    }
  }

  /// The arguments that are no memory of a known size.
  private mutating func checkHandle(
    _ argument: HelperSignature.Argument, _ register: Register, _ value: RegisterState,
    _ signature: HelperSignature, _ facts: inout CallFacts
  ) throws(Refusal) {
    switch argument {
    case .constantText: try checkText(register, value)
    case .callback:
      try expect(register, value, [.function], "func")
      facts.callback = Int(value.map)
    case .callbackData:
      if !value.isZero { try expect(register, value, [.stack], "fp") }
      needsPrecisely(value)
      facts.callbackData = value
    case .contextOrNull:
      if value.isZero { return needsPrecisely(value) }
      try expect(register, value, [.context], "ctx")
      try checkUnmodified(register, value)
    case .socket(let accepted, let orNull):
      try checkSocketArgument(register, value, signature, accepted, orNull: orNull, &facts)
    case .kernelObject(let object, let orNull):
      try checkObject(register, value, object, orNull: orNull, &facts)
    case .timer: try checkTimer(register, value, &facts)
    case .dynptr(let use): try checkDynptr(register, value, use, &facts)
    case .objectPlace: try checkObjectPlace(register, value, &facts)
    case .reservation:
      guard value.kind == .memory, value.detail == RegisterState.reserved else {
        throw .access(
          "R\(register.rawValue) type=\(value.typeName) expected=ringbuf_mem",
          register: Int(register.rawValue))
      }
      guard value.fixedOffset == 0 else {
        throw .invalid(
          "R\(register.rawValue) must have zero offset when passed to release func or trusted arg "
            + "to kfunc", register: Int(register.rawValue))
      }
      guard value.reference != 0 else {
        throw .invalid("R\(register.rawValue) must be referenced when passed to release function")
      }
      facts.released = value.reference
    case .allocationSize: try checkAllocation(register, value, &facts)
    case .lock: try checkLock(register, value, &facts)
    default: break
    }
  }

  func expect(
    _ register: Register, _ value: RegisterState, _ kinds: [RegisterKind], _ names: String
  ) throws(Refusal) {
    guard kinds.contains(value.kind) else {
      throw .access(
        "R\(register.rawValue) type=\(value.typeName) expected=\(names)",
        register: Int(register.rawValue))
    }
  }

  private static let bufferKinds: [RegisterKind] = [
    .stack, .packet, .packetMetadata, .mapKey, .mapValue, .memory,
  ]

  private static let bufferNames =
    "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_"

  /// Memory of a known size.
  mutating func checkBuffer(
    _ register: Register, _ value: RegisterState, size: Int, writes: Bool,
    _ signature: HelperSignature
  ) throws(Refusal) {
    try expect(register, value, Self.bufferKinds, Self.bufferNames)
    try checkHelperAccess(register, value, size: size, writes: writes, signature)
  }

  private mutating func checkHelperAccess(
    _ register: Register, _ value: RegisterState, size: Int, writes: Bool,
    _ signature: HelperSignature, isExact: Bool = true
  ) throws(Refusal) {
    // What a helper may fill only in part has to hold something of the program's own before.
    let isRead = HelperTable.readingWhatTheyFill.contains(signature.number)
    let isFilled = writes && !isRead && (isExact || !options.isStrict)
    switch value.kind {
    case .packet, .packetMetadata:
      guard packetIsOpen(to: signature, writes: writes) else {
        throw .access(
          "helper access to the packet is not allowed", register: Int(register.rawValue))
      }
      try checkPacket(register, value, offset: 0, size: size)
    case .mapValue:
      try checkMapValue(register, value, offset: 0, size: size, isWrite: writes)
    case .mapKey:
      guard !writes else { throw .access("R\(register.rawValue) cannot write into map_key") }
      try checkRegion(
        register, value, offset: 0, size: size, of: program.maps[Int(value.map)].keySize,
        "map key, key_size=\(program.maps[Int(value.map)].keySize)")
    case .memory:
      if writes, value.detail == RegisterState.readOnly {
        throw .access("R\(register.rawValue) cannot write into rdonly_mem")
      }
      try checkMemory(register, value, offset: 0, size: size)
    default:
      guard size > 0 else { return }
      let range: ClosedRange<Int>
      do throws(Refusal) {
        range = try stackRange(register, value, offset: 0, size: size, isWrite: writes)
      } catch {
        // The same words as for an access by the program itself, with another number.
        throw .invalid(error.message, register: Int(register.rawValue))
      }
      let frame = Int(value.frame)
      let function = state[functionOf: frame]
      stackDepths[function] = max(
        stackDepths[function], Int32(truncatingIfNeeded: -range.lowerBound))
      try refuseDynptrs(
        frame, range.lowerBound, range.upperBound + size, register, writes: writes)
      if isFilled {
        try refuseOverwriting(frame, range.lowerBound, range.upperBound + size, register)
      } else {
        try checkInitialized(frame, range.lowerBound, range.upperBound + size, register)
        noteStackRead(frame, range.lowerBound, range.upperBound + size - 1)
      }
    }
  }

  private func checkInitialized(
    _ frame: Int, _ first: Int, _ end: Int, _ register: Register
  ) throws(Refusal) {
    guard options.isStrict else { return }
    for offset in first..<end {
      let (index, byte) = Self.place(offset)
      let slot = stackSlot(frame, index)
      let isAddress = slot[byte: byte] == StackByte.spilled && !slot.value.isScalar
      if isAddress || slot[byte: byte] == StackByte.invalid {
        throw .access(
          "invalid read from stack R\(register.rawValue) off \(first)+\(offset - first) "
            + "size \(end - first)", register: Int(register.rawValue))
      }
    }
  }

  /// A helper writes byte by byte, and what is left of an address would be seen.
  private func refuseOverwriting(
    _ frame: Int, _ first: Int, _ end: Int, _ register: Register
  ) throws(Refusal) {
    guard options.isStrict else { return }
    for offset in first..<end {
      let (index, byte) = Self.place(offset)
      let slot = stackSlot(frame, index)
      guard slot[byte: byte] == StackByte.spilled, !slot.value.isScalar else { continue }
      throw .access(
        "attempt to corrupt spilled pointer on stack", register: Int(register.rawValue))
    }
  }

  /// Memory whose size is in the next register.
  private mutating func checkSized(
    _ register: Register, _ value: RegisterState, _ signature: HelperSignature, _ position: Int,
    writes: Bool, orNull: Bool, _ facts: inout CallFacts
  ) throws(Refusal) {
    guard position + 1 < signature.arguments.count,
      case .size(let allowsZero) = signature.arguments[position + 1]
    else { throw .invalid("bpf_\(signature.name) takes memory without a size") }
    let sizeRegister = Register(rawValue: register.rawValue + 1)
    if value.isZero, !orNull, allowsZero, self[sizeRegister].isZero {
      needsPrecisely(value)
      needsPrecisely(self[sizeRegister])
      return
    }
    if !(value.isZero && orNull) {
      try expect(register, value, Self.bufferKinds, Self.bufferNames)
    }
    let number = sizeRegister.rawValue
    let size = try read(sizeRegister)
    guard size.isScalar else {
      throw .access(
        "R\(number) type=\(size.kind.logName) expected=scalar", register: Int(number))
    }
    if size.scalar.signedMinimum < 0 {
      throw .access(
        "R\(number) min value is negative, either use unsigned or 'var &= const'",
        register: Int(number))
    }
    if size.scalar.minimum == 0, !allowsZero {
      throw .access(
        "R\(number) invalid zero-sized read: u64=[\(size.scalar.minimum),\(size.scalar.maximum)]",
        register: Int(number))
    }
    guard size.scalar.maximum < 1 << 29 else {
      throw .access(
        "R\(number) unbounded memory access, use 'var &= const' or 'if (var < const)'",
        register: Int(number))
    }
    needsPrecisely(size)
    if value.isZero {
      needsPrecisely(value)
      // Linux lets no size but 0 go with no address.
      guard size.isZero else {
        throw .access(
          "R\(register.rawValue) type=scalar expected=\(Self.bufferNames)",
          register: Int(register.rawValue))
      }
      return
    }
    let most = Int(size.scalar.maximum)
    facts.largestSize = most
    try checkHelperAccess(
      register, value, size: most, writes: writes, signature, isExact: size.scalar.isConstant)
    if writes { facts.filled.append((value, most, size.scalar.isConstant)) }
  }

  /// A key of which every value is there makes the lookup certain.
  private mutating func noteKey(_ value: RegisterState, _ map: Int, _ facts: inout CallFacts) {
    let shape = program.maps[map]
    guard shape.isArray, shape.inner == nil, shape.keySize == 4, value.kind == .stack,
      let offset = value.fixedOffset
    else { return }
    let (index, byte) = Self.place(Int(offset))
    let slot = stackSlot(Int(value.frame), index)
    // Like Linux, only take a number that ends where the key does.
    if slot.isSpilled, slot.spilledByteCount == byte + 4, let value = slot.value.constant {
      let key = UInt32(truncatingIfNeeded: value >> UInt64(byte * 8))
      // Linux looks at the whole register, whichever part of it is the key.
      guard key < shape.definition.maxEntries, value < UInt64(shape.definition.maxEntries) else {
        return
      }
      needsPrecisely(slot.value)
      facts.isCertainHit = true
    } else if (byte..<min(8, byte + 4)).allSatisfy({ slot[byte: $0] == StackByte.zero }),
      byte <= 4, shape.definition.maxEntries > 0
    {
      facts.isCertainHit = true
    }
  }

  private func checkText(_ register: Register, _ value: RegisterState) throws(Refusal) {
    try expect(register, value, [.mapValue], "map_value")
    let map = program.maps[Int(value.map)]
    let number = register.rawValue
    guard let constants = map.constants else {
      throw .access("R\(number) does not point to a readonly map'")
    }
    guard let start = value.fixedOffset else {
      throw .access("R\(number) is not a constant address'")
    }
    guard start >= 0, Int(start) < constants.count,
      constants[Int(start)...].contains(0)
    else { throw .invalid("string is not zero-terminated") }
  }

  mutating func checkAllocation(
    _ register: Register, _ value: RegisterState, _ facts: inout CallFacts
  ) throws(Refusal) {
    guard value.isScalar, let size = value.constant else {
      throw .access(
        "R\(register.rawValue) is not a known constant'", register: Int(register.rawValue))
    }
    needsPrecisely(value)
    guard size < 1 << 29 else { throw .access("R\(register.rawValue) allocation is too large") }
    facts.allocation = UInt32(size)
  }
}
