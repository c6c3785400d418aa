import BPFInstructions
import BPFRuntime

// The stack: what each byte holds, and registers that were stored there.
extension Explorer {
  /// Checks that an access stays within the stack; returns the range of first bytes, relative to
  /// the frame's upper end.
  func stackRange(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int, isWrite: Bool
  ) throws(Refusal) -> ClosedRange<Int> {
    let number = register.rawValue
    let kind = isWrite ? " write to" : " read from"
    let distance = Int(base.offset) + offset
    if let fixed = base.fixedOffset {
      let start = Int(fixed) + offset
      guard start >= -Limits.frameByteCount, start + size <= 0, start < 0 else {
        throw .access(
          "invalid\(kind) stack R\(number) off=\(start) size=\(size)", register: Int(number))
      }
      return start...start
    }
    let limit: Int64 = 1 << 29
    guard base.scalar.signedMaximum < limit, base.scalar.signedMinimum > -limit else {
      throw .access(
        "invalid unbounded variable-offset\(kind) stack R\(number)", register: Int(number))
    }
    let first = distance + Int(base.scalar.signedMinimum)
    let last = distance + Int(base.scalar.signedMaximum)
    guard first >= -Limits.frameByteCount, last + size <= 0, last < 0 else {
      throw .access(
        "invalid variable-offset\(kind) stack R\(number) var_off=\(base.scalar.bits.text) "
          + "off=\(distance) size=\(size)",
        register: Int(number))
    }
    return first...last
  }

  /// Which slot a byte is in, and which byte of the slot it is.
  @inline(__always)
  static func place(_ offset: Int) -> (slot: Int, byte: Int) {
    ((-offset - 1) / 8, 7 - (-offset - 1) % 8)
  }

  mutating func noteDepth(_ frame: Int, _ offset: Int) {
    let function = state[functionOf: frame]
    stackDepths[function] = max(stackDepths[function], Int32(truncatingIfNeeded: -offset))
  }

  /// Notes a read of stack slots, for the states that this path came from.
  mutating func noteStackRead(_ frame: Int, _ first: Int, _ last: Int) {
    let low = Self.place(last).slot
    let high = Self.place(first).slot
    let bits: UInt64 = (.max &<< UInt64(low)) & (.max &>> UInt64(63 &- high))
    noteRead(frame: frame, bits)
  }

  mutating func loadStack(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) -> RegisterState {
    let range = try stackRange(register, base, offset: offset, size: size, isWrite: false)
    let frame = Int(base.frame)
    noteDepth(frame, range.lowerBound)
    noteStackRead(frame, range.lowerBound, range.upperBound + size - 1)
    guard base.hasFixedOffset else {
      if options.isStrict {
        throw .access(
          "R\(register.rawValue) variable stack access prohibited for !root, "
            + "var_off=\(base.scalar.bits.text) off=\(offset)",
          register: Int(register.rawValue))
      }
      return try loadBytes(frame, range.lowerBound, range.upperBound + size - range.lowerBound)
    }
    let (index, byte) = Self.place(range.lowerBound)
    let slot = stackSlot(frame, index)
    guard slot.isSpilled else { return try loadBytes(frame, range.lowerBound, size) }
    let spilledBytes = slot.spilledByteCount
    guard size != 8 || spilledBytes != 8 else { return slot.value }
    guard slot.value.isScalar else { throw .access("invalid size of register fill") }
    if byte == 0, size <= spilledBytes { return narrowed(slot.value, size) }
    return try loadPart(slot, byte, size, frame, range.lowerBound)
  }

  /// A number of which fewer bytes were stored than it has.
  private func narrowed(_ value: RegisterState, _ size: Int) -> RegisterState {
    var value = value
    if size < 8, value.scalar.maximum >> UInt64(size * 8) != 0 { value.unlink() }
    return value
  }

  private mutating func loadPart(
    _ slot: StackSlot, _ byte: Int, _ size: Int, _ frame: Int, _ offset: Int
  ) throws(Refusal) -> RegisterState {
    let bytes = (byte..<byte + size).map { slot[byte: $0] }
    if bytes.allSatisfy({ $0 == StackByte.spilled }), slot.value.constant == 0 {
      needsPrecisely(slot.value)
      return RegisterState(constant: 0)
    }
    if bytes.allSatisfy({ $0 == StackByte.zero }) { return RegisterState(constant: 0) }
    if options.isStrict, bytes.contains(StackByte.invalid) {
      throw .access("invalid read from stack off \(offset)+0 size \(size)")
    }
    var result = RegisterState.unknown
    result.source = slot.value.source
    return result
  }

  private func loadBytes(
    _ frame: Int, _ first: Int, _ count: Int
  ) throws(Refusal) -> RegisterState {
    var areZero = true
    for offset in first..<first + count {
      let (index, byte) = Self.place(offset)
      let slot = stackSlot(frame, index)
      let content = slot[byte: byte]
      if content != StackByte.zero { areZero = false }
      if content == StackByte.dynptr {
        throw .access("invalid read from stack off \(first)+\(offset - first) size \(count)")
      }
      if options.isStrict, content == StackByte.invalid {
        throw .access("invalid read from stack off \(first)+\(offset - first) size \(count)")
      }
    }
    return areZero ? RegisterState(constant: 0) : .unknown
  }

  /// Inlined, because a call would copy the whole explorer to pass it.
  @inline(__always)
  func stackSlot(_ frame: Int, _ index: Int) -> StackSlot {
    if frame == state.callers.count {
      return index < state.frame.stack.count ? state.frame.stack[index] : StackSlot()
    }
    let stack = state.callers[frame].stack
    return index < stack.count ? stack[index] : StackSlot()
  }

  mutating func setStackSlot(_ frame: Int, _ index: Int, _ slot: StackSlot) {
    state.withFrame(frame) { frame in
      frame.reach(index)
      frame.stack[index] = slot
    }
  }

  mutating func storeStack(
    _ value: StoredValue, _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    let range = try stackRange(register, base, offset: offset, size: size, isWrite: true)
    let frame = Int(base.frame)
    noteDepth(frame, range.lowerBound)
    guard base.hasFixedOffset else {
      if options.isStrict {
        throw .access(
          "R\(register.rawValue) variable stack access prohibited for !root, "
            + "var_off=\(base.scalar.bits.text) off=\(offset)",
          register: Int(register.rawValue))
      }
      let isZero = value.isZero
      if isZero, case .register(_, let stored) = value { needsPrecisely(stored) }
      try overwrite(
        frame, range.lowerBound, range.upperBound + size - range.lowerBound, keepsZeros: isZero)
      return
    }
    let (index, byte) = Self.place(range.lowerBound)
    if state.hasDynptrs { try destroyDynptrs(frame, index...index) }
    var slot = stackSlot(frame, index)
    if options.isStrict, size != 8, slot.isSpilled, !slot.value.isScalar {
      throw .access(
        "attempt to corrupt spilled pointer on stack", register: Int(register.rawValue))
    }
    switch value {
    case .register(let number, var stored) where stored.isScalar && byte == 0:
      if stored.scalar.maximum >> UInt64(truncatingIfNeeded: size * 8) == 0 || size == 8 {
        linkSource(number, &stored)
      } else {
        stored.unlink()
      }
      spill(stored, size, into: &slot)
    case .immediate(let number) where byte == 0:
      spill(RegisterState(constant: number), size, into: &slot)
    case .register(let number, let stored) where !stored.isScalar:
      try checkSpill(stored, number, size: size, frame: frame)
      slot = .filled(StackByte.spilled)
      slot.value = stored
    default: fill(value, byte, size, &slot)
    }
    setStackSlot(frame, index, slot)
    if size == 8 { written[frame] |= 1 &<< UInt64(index) }
  }

  private func checkSpill(
    _ value: RegisterState, _ register: Register, size: Int, frame: Int
  ) throws(Refusal) {
    guard size == 8 else {
      throw .access("invalid size of register spill", register: Int(register.rawValue))
    }
    if frame != state.depth, value.kind == .stack {
      throw .invalid(
        "cannot spill pointers to stack into stack frame of the caller",
        register: Int(register.rawValue))
    }
  }

  private mutating func spill(_ value: RegisterState, _ size: Int, into slot: inout StackSlot) {
    if size < 8 { slot.scrub() }
    var value = value
    if value.source == Provenance.nowhere { value.source = provenance.node(Provenance.nowhere) }
    slot.value = value
    slot.markSpilled(size)
  }

  /// Bytes that hold no whole register.
  private mutating func fill(
    _ value: StoredValue, _ byte: Int, _ size: Int, _ slot: inout StackSlot
  ) {
    slot.scrub()
    var content = StackByte.anything
    switch value {
    case .register(_, let stored) where stored.isZero:
      needsPrecisely(stored)
      content = StackByte.zero
    case .immediate(0): content = StackByte.zero
    default: break
    }
    for index in byte..<min(8, byte + size) { slot[byte: index] = content }
  }

  /// Bytes that may have been written, with anything or with zeros.
  mutating func overwrite(
    _ frame: Int, _ first: Int, _ count: Int, keepsZeros: Bool = false
  ) throws(Refusal) {
    if state.hasDynptrs, count > 0 {
      try destroyDynptrs(frame, Self.place(first + count - 1).slot...Self.place(first).slot)
    }
    for offset in first..<first + count {
      let (index, byte) = Self.place(offset)
      var slot = stackSlot(frame, index)
      if keepsZeros {
        let isZero = slot.isSpilled && slot.value.isZero && slot[byte: byte] == StackByte.spilled
        if isZero || slot[byte: byte] == StackByte.zero { continue }
      }
      if slot.isSpilled { slot.scrub() }
      slot[byte: byte] = StackByte.anything
      setStackSlot(frame, index, slot)
    }
  }
}

extension PathState {
  subscript(functionOf frame: Int) -> Int {
    frame == callers.count ? self.frame.function : callers[frame].function
  }
}

extension KnownBits {
  /// As Linux prints it: the number, or value and unknown bits.
  var text: String {
    isConstant
      ? "\(Int64(bitPattern: value))"
      : "(0x\(String(value, radix: 16)); 0x\(String(unknown, radix: 16)))"
  }
}
