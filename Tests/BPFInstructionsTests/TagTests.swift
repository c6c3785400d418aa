import Testing

@testable import BPFInstructions

@Suite("Tags")
struct TagTests {
  @Test(
    "The hash is that of the standard's examples",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func hash(_ message: String, _ expected: String) {
    let digest = SHA256.digest(of: Array(message.utf8))
    #expect(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
  }

  @Test("The numbers of maps do not count, other immediates do")
  func maps() {
    func program(_ source: PseudoSource, _ value: UInt64) -> [Instruction] {
      Instruction.loadImmediate64(.r1, value, source: Register(rawValue: source.rawValue))
        + [Instruction(opcode: 0x95)]
    }
    let map = program(.mapDescriptor, 5).tag
    #expect(map.count == 16)
    #expect(program(.mapDescriptor, 7 << 32 | 9).tag == map)
    #expect(program(.mapValueByDescriptor, 5).tag != map)
    let plain = Instruction.loadImmediate64(.r1, 5).tag
    #expect(Instruction.loadImmediate64(.r1, 6).tag != plain)
    #expect(Instruction.loadImmediate64(.r1, 5 << 32).tag != plain)
  }
}
