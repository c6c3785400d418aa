import BPFInstructions
import BPFRuntime

// Arithmetic on numbers, and moves.
extension Explorer {
  mutating func move(
    _ instruction: Instruction, _ width: Operation.Width, _ operand: Operation.Operand
  ) throws(Refusal) {
    guard operand == .register else {
      let value = UInt64(bitPattern: Int64(instruction.immediate))
      self[instruction.destination] = RegisterState(
        constant: width == .bits64 ? value : value & 0xffff_ffff)
      return
    }
    var value = try read(instruction.source)
    if width == .bits64 {
      if value.isScalar { linkSource(instruction.source, &value) }
      self[instruction.destination] = value
    } else if value.isScalar {
      // A number that fits a word stays the same one.
      if value.scalar.maximum <= 0xffff_ffff {
        linkSource(instruction.source, &value)
      } else {
        value.unlink()
      }
      value.scalar = value.scalar.zeroExtended32
      self[instruction.destination] = value
    } else {
      try refuseStrictly("R\(instruction.source.rawValue) partial copy of pointer")
      self[instruction.destination] = RegisterState(Scalar.anything.zeroExtended32)
    }
  }

  /// Strict programs make no numbers out of addresses.
  private func refuseStrictly(_ message: String) throws(Refusal) {
    if options.isStrict { throw .access(message) }
  }

  /// Gives a number that is about to be copied an identity, so that a test of one copy tells about
  /// the other.
  mutating func linkSource(_ register: Register, _ value: inout RegisterState) {
    guard !value.scalar.isConstant else { return }
    if value.id != 0, !value.isLinkedByDistance, value.source != Provenance.nowhere { return }
    if value.isLinkedByDistance { value.unlink() }
    if value.id == 0 { value.id = newID() }
    if value.source == Provenance.nowhere { value.source = provenance.node(Provenance.nowhere) }
    let number = Int(register.rawValue)
    state.frame.registers[number].unlink()
    state.frame.registers[number].id = value.id
    state.frame.registers[number].source = value.source
  }

  mutating func signExtend(
    _ instruction: Instruction, from bits: Int, _ width: Operation.Width
  ) throws(Refusal) {
    var value = try read(instruction.source)
    guard value.isScalar else {
      try refuseStrictly("R\(instruction.source.rawValue) sign-extension part of pointer")
      let unknown = Scalar.anything.signExtended(fromBits: bits, width)
      self[instruction.destination] = RegisterState(unknown)
      return
    }
    let highest = (UInt64(1) &<< UInt64(bits &- 1)) &- 1
    if value.scalar.maximum <= highest {
      linkSource(instruction.source, &value)
    } else {
      value.unlink()
    }
    value.scalar = value.scalar.signExtended(fromBits: bits, width)
    self[instruction.destination] = value
  }

  mutating func negate(_ instruction: Instruction, _ width: Operation.Width) throws(Refusal) {
    var value = try read(instruction.destination)
    guard value.isScalar else {
      try refuseStrictly("R\(instruction.destination.rawValue) pointer arithmetic prohibited")
      self[instruction.destination] = .unknown
      return
    }
    value.unlink()
    value.scalar = value.scalar.negated(width)
    self[instruction.destination] = value
  }

  mutating func swapBytes(
    _ instruction: Instruction, _ order: Operation.ByteOrder, bits: Int
  ) throws(Refusal) {
    let value = try read(instruction.destination)
    guard value.isScalar else {
      try refuseStrictly("R\(instruction.destination.rawValue) pointer arithmetic prohibited")
      self[instruction.destination] = RegisterState(Scalar.anything.truncated(toBytes: bits / 8))
      return
    }
    // The host is little-endian.
    var result = value
    result.unlink()
    result.scalar =
      order == .toLittleEndian
      ? value.scalar.truncated(toBytes: bits / 8)
      : .matching(value.scalar.bits.byteSwapped(bits: bits))
    self[instruction.destination] = result
  }

  mutating func arithmetic(
    _ instruction: Instruction, _ operation: Operation.Arithmetic, _ width: Operation.Width,
    _ operand: Operation.Operand
  ) throws(Refusal) {
    let destination = Int(instruction.destination.rawValue)
    let isImmediate = operand == .immediate
    if !isImmediate { try checkReadable(instruction.source) }
    try checkReadable(instruction.destination)
    if isImmediate { try checkImmediate(instruction.immediate, operation, width) }
    let source = Int(instruction.source.rawValue)
    guard state.frame.registers[destination].isScalar,
      isImmediate || state.frame.registers[source].isScalar
    else {
      let right =
        isImmediate
        ? RegisterState(constant: UInt64(bitPattern: Int64(instruction.immediate)))
        : state.frame.registers[source]
      try pointerArithmetic(
        instruction, operation, width, state.frame.registers[destination], right)
      return
    }
    let right: Scalar
    var origin = state.frame.registers[destination].source
    if isImmediate {
      right = Scalar(constant: UInt64(bitPattern: Int64(instruction.immediate)))
    } else {
      right = state.frame.registers[source].scalar
      if width == .bits64, operation == .add || operation == .subtract {
        facts[slot].noteNumbers()
      }
      origin = provenance.union(origin, state.frame.registers[source].source)
    }
    let result = Scalar.apply(operation, width, state.frame.registers[destination].scalar, right)
    state.frame.registers[destination].replaceNumber(
      result, from: origin,
      distance: operation == .add && width == .bits64 ? right.constant : nil)
  }

  private func checkImmediate(
    _ immediate: Int32, _ operation: Operation.Arithmetic, _ width: Operation.Width
  ) throws(Refusal) {
    switch operation {
    case .divide, .signedDivide, .modulo, .signedModulo:
      if immediate == 0 { throw .invalid("div by zero") }
    case .shiftLeft, .shiftRight, .arithmeticShiftRight:
      let limit: Int32 = width == .bits64 ? 64 : 32
      guard (0..<limit).contains(immediate) else { throw .invalid("invalid shift \(immediate)") }
    default: break
    }
  }
}

extension RegisterState {
  /// Puts another number in place of one, computed from it.
  ///
  /// - Parameter distance: If it is a sum, what was added. A short distance from the other copies
  ///   keeps the link to them.
  fileprivate mutating func replaceNumber(
    _ number: Scalar, from origin: UInt32, distance: UInt64?
  ) {
    scalar = number
    source = origin
    guard id != 0 else { return }
    if !isLinkedByDistance, let distance, distance <= UInt64(Int32.max) {
      isLinkedByDistance = true
      offset = Int32(truncatingIfNeeded: distance)
    } else {
      unlink()
    }
  }
}
