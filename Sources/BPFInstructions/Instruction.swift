/// One eight-byte slot of a BPF program, field by field (RFC 9669 section 3.1).
///
/// A wide instruction (`ld_imm64`, RFC 9669 section 5.4) takes two slots; the second has opcode 0
/// and carries the upper half of the immediate. Everything that names an instruction by number
/// (jumps, line information, errors) counts slots, as Linux does.
public struct Instruction: Hashable, Sendable {
  /// The opcode byte: class, source or mode, and operation or size.
  public var opcode: UInt8
  /// Destination register.
  public var destination: Register
  /// Source register, or a subtype (`ld_imm64` pseudo source, kind of call).
  public var source: Register
  /// Signed offset: of a memory access in bytes, of a jump in slots, or a variant of the operation.
  public var offset: Int16
  /// Signed immediate.
  public var immediate: Int32

  /// Bytes of a slot.
  public static let byteCount = 8

  /// Makes a slot from its fields.
  public init(
    opcode: UInt8, destination: Register = .r0, source: Register = .r0, offset: Int16 = 0,
    immediate: Int32 = 0
  ) {
    self.opcode = opcode
    self.destination = destination
    self.source = source
    self.offset = offset
    self.immediate = immediate
  }

  /// Reads a slot from its eight bytes in little-endian order, lowest first, as one integer.
  public init(littleEndian word: UInt64) {
    opcode = UInt8(truncatingIfNeeded: word)
    destination = Register(rawValue: UInt8(truncatingIfNeeded: word >> 8) & 0xf)
    source = Register(rawValue: UInt8(truncatingIfNeeded: word >> 12) & 0xf)
    offset = Int16(truncatingIfNeeded: word >> 16)
    immediate = Int32(truncatingIfNeeded: word >> 32)
  }

  /// The eight bytes in little-endian order as one integer.
  public var littleEndianWord: UInt64 {
    UInt64(opcode)
      | UInt64(destination.rawValue) << 8
      | UInt64(source.rawValue) << 12
      | UInt64(UInt16(bitPattern: offset)) << 16
      | UInt64(UInt32(bitPattern: immediate)) << 32
  }

  /// The two slots of `ld_imm64 destination = value`; `source` is the pseudo source.
  public static func loadImmediate64(
    _ destination: Register, _ value: UInt64, source: Register = .r0
  ) -> [Instruction] {
    [
      Instruction(
        opcode: Opcode.loadImmediate64, destination: destination, source: source,
        immediate: Int32(truncatingIfNeeded: value)),
      Instruction(opcode: 0, immediate: Int32(truncatingIfNeeded: value >> 32)),
    ]
  }
}

extension [Instruction] {
  /// Splits little-endian bytes into slots.
  ///
  /// - Throws: ``InstructionError`` when the byte count is not a multiple of eight.
  public init(littleEndianBytes bytes: some Collection<UInt8>) throws(InstructionError) {
    guard bytes.count.isMultiple(of: Instruction.byteCount) else {
      throw InstructionError(
        index: bytes.count / Instruction.byteCount,
        reason: .truncated(byteCount: bytes.count % Instruction.byteCount))
    }
    self = []
    reserveCapacity(bytes.count / Instruction.byteCount)
    var word: UInt64 = 0
    var shift: UInt64 = 0
    for byte in bytes {
      word |= UInt64(byte) << shift
      shift += 8
      if shift == 64 {
        append(Instruction(littleEndian: word))
        word = 0
        shift = 0
      }
    }
  }

  /// The slots as little-endian bytes.
  public var littleEndianBytes: [UInt8] {
    flatMap { instruction in
      let word = instruction.littleEndianWord
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
  }
}
