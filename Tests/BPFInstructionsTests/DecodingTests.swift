import BPFInstructions
import Testing

@Suite("Decoding and encoding")
struct DecodingTests {
  static let registers: [UInt8] = [0, 1, 2, 3, 10, 11]
  static let offsets: [Int16] = [0, 1, 8, 16, 32, -1, .min]
  static let immediates: [Int32] = [
    0, 1, 5, 10, 11, 12, 16, 32, 64, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110,
    0x111, -1, .max, .min,
  ]

  @Test("each opcode byte with any fields decodes to what encodes to it, or is an error")
  func everyOpcode() {
    var seen: Set<Operation> = []
    for opcode in UInt8.min...UInt8.max {
      for slot in Self.slots(opcode) {
        // Compared before `#expect`, which would take a minute for a million slots.
        do {
          let operation = try Operation(slot, at: 3)
          seen.insert(operation)
          let again = Instruction(
            operation, destination: slot.destination, source: slot.source, offset: slot.offset,
            immediate: slot.immediate)
          if again != slot { Issue.record("\(operation) from \(slot)") }
          if Instruction(littleEndian: slot.littleEndianWord) != slot { Issue.record("\(slot)") }
        } catch {
          if error.index != 3 { Issue.record("\(error) is at the wrong place") }
        }
      }
    }
    #expect(seen == Set(Operation.allCases))
  }

  private static func slots(_ opcode: UInt8) -> [Instruction] {
    registers.flatMap { destination in
      registers.flatMap { source in
        offsets.flatMap { offset in
          immediates.map { immediate in
            Instruction(
              opcode: opcode, destination: Register(rawValue: destination),
              source: Register(rawValue: source), offset: offset, immediate: immediate)
          }
        }
      }
    }
  }

  @Test("an opcode byte that no operation has is unknown")
  func unknownOpcodes() {
    let known = Set(Operation.allCases.map(\.encoding.opcode))
    for opcode in UInt8.min...UInt8.max where !known.contains(opcode) {
      #expect(throws: InstructionError(index: 0, reason: .unknownOpcode(opcode))) {
        try Operation(Instruction(opcode: opcode), at: 0)
      }
    }
    #expect(known.count < 256)
  }

  @Test(
    "a value in an unused field never decodes as the same operation", arguments: Operation.allCases)
  func reservedFields(operation: Operation) throws {
    let encoding = operation.encoding
    let valid = try #require(samples(of: operation).first?.first)
    func expectRefused(_ field: Encoding.Field, _ change: (inout Instruction, Int32) -> Void) {
      guard case .fixed(let fixed) = field else { return }
      for value in [0, 1, 2, 3, 5, 8, 15] as [Int32] where value != fixed {
        var slot = valid
        change(&slot, value)
        #expect((try? Operation(slot, at: 0)) != operation)
      }
    }
    expectRefused(encoding.destination) {
      $0.destination = Register(rawValue: UInt8(truncatingIfNeeded: $1))
    }
    expectRefused(encoding.source) { $0.source = Register(rawValue: UInt8(truncatingIfNeeded: $1)) }
    expectRefused(encoding.offset) { $0.offset = Int16(truncatingIfNeeded: $1) }
    expectRefused(encoding.immediate) { $0.immediate = $1 }
  }

  @Test(
    "reserved fields, as bytes",
    arguments: [
      ("07 11 00 00 01 00 00 00", "source of an immediate add"),
      ("0f 21 00 00 01 00 00 00", "immediate of a register add"),
      ("07 01 01 00 01 00 00 00", "offset of an add"),
      ("37 01 02 00 01 00 00 00", "offset 2 of a division"),
      ("bf 21 04 00 00 00 00 00", "a move from 4 bits"),
      ("bc 21 20 00 00 00 00 00", "a 32-bit move from 32 bits"),
      ("b7 01 08 00 00 00 00 00", "a sign-extending move of an immediate"),
      ("8f 21 00 00 00 00 00 00", "a negation of a register"),
      ("dc 01 00 00 08 00 00 00", "a swap of 8 bits"),
      ("df 01 00 00 10 00 00 00", "a swap with the register bit"),
      ("05 01 00 00 00 00 00 00", "destination of a jump"),
      ("05 00 00 00 01 00 00 00", "immediate of a jump"),
      ("06 00 01 00 00 00 00 00", "offset of a long jump"),
      ("e5 10 00 00 00 00 00 00", "source of may_goto"),
      ("85 30 00 00 01 00 00 00", "a call of kind 3"),
      ("85 00 01 00 01 00 00 00", "offset of a helper call"),
      ("8d 01 00 00 02 00 00 00", "callx with two registers"),
      ("8d 00 00 00 0b 00 00 00", "callx through r11"),
      ("95 00 00 00 01 00 00 00", "immediate of exit"),
      ("18 01 01 00 00 00 00 00", "offset of a wide immediate"),
      ("20 01 00 00 00 00 00 00", "destination of a packet load"),
      ("61 21 00 00 01 00 00 00", "immediate of a load"),
      ("63 21 00 00 01 00 00 00", "immediate of a store"),
      ("62 11 00 00 01 00 00 00", "source of an immediate store"),
      ("db 21 00 00 02 00 00 00", "an atomic update 2"),
      ("db 21 00 00 11 00 00 00", "an atomic update 0x11"),
      ("cb 21 00 00 00 00 00 00", "an atomic update of a half word"),
    ])
  func reservedFieldExamples(bytes: String, what: String) throws {
    let slots = try [Instruction](littleEndianBytes: bytes.split(separator: " ").map(Self.byte))
    let error = #expect(throws: InstructionError.self, "\(what)") {
      try Operation(slots[0], at: 0)
    }
    let opcode = slots[0].opcode
    #expect(
      error?.reason == .reservedFields(opcode: opcode) || error?.reason == .unknownOpcode(opcode))
  }

  private static func byte(_ digits: Substring) throws -> UInt8 {
    try #require(UInt8(digits, radix: 16))
  }

  @Test("each operation has one encoding, told from all others by its fixed fields")
  func encodingsDiffer() {
    #expect(Set(Operation.allCases.map(\.kind)).count == Operation.allCases.count)
    #expect(Set(Operation.allCases.map(\.encoding)).count == Operation.allCases.count)
    for operation in Operation.allCases { #expect(Operation(operation.kind) == operation) }
    #expect(Operation(.byteOrder(.swap, bits: 48)) == nil)
  }

  @Test("bytes and slots, both ways")
  func bytes() throws {
    let bytes: [UInt8] = [0x7b, 0x2a, 0xf8, 0xff, 0x04, 0x03, 0x02, 0x81]
    let slots = try [Instruction](littleEndianBytes: bytes)
    #expect(
      slots == [
        Instruction(
          opcode: 0x7b, destination: .r10, source: .r2, offset: -8,
          immediate: Int32(bitPattern: 0x8102_0304))
      ])
    #expect(slots.littleEndianBytes == bytes)
    for extra in 1..<8 {
      #expect(
        throws: InstructionError(index: 1, reason: .truncated(byteCount: extra))
      ) { try [Instruction](littleEndianBytes: bytes + bytes.prefix(extra)) }
    }
  }
}
