import BPFKernel
import BPFObject
import TestSupport
import Testing

@Suite("BTF in the kernel", .requiresKernel)
struct KernelBTFTests {
  /// A section with these types, as words, and these strings after the empty one.
  static func section(_ types: [UInt32], _ strings: String) -> [UInt8] {
    let text = [0] + Array(strings.utf8) + [0]
    let typeByteCount = UInt32(types.count * 4)
    let header: [UInt32] = [
      0x0001_eb9f, 24, 0, typeByteCount, typeByteCount, UInt32(text.count),
    ]
    return (header + types).flatMap { KernelBytes.word($0) } + text
  }

  /// `int one, two;` in `.bss`, with the size and the offsets that a compiler leaves at zero.
  static func variables(sectionSize: UInt32, elementCount: UInt32 = 2) -> [UInt8] {
    section(
      [
        1, 1 << 24, 4, 32 | 1 << 24,
        5, 14 << 24, 1, 1,
        9, 14 << 24, 1, 1,
        13, 15 << 24 | elementCount, sectionSize, 2, 0, 4, 3, 0, 4,
      ], "int\0one\0two\0.bss")
  }

  @Test(
    "what a compiler leaves out of an object's types is filled in for Linux",
    arguments: ["global_data", "subprograms", "typed_maps", "steps.bpf", "wired-chain.bpf"])
  func objects(_ name: String) throws {
    let bytes = try Fixtures.bytes(ofFile: Fixtures.path("objects/\(name).o"))
    let types = try #require(try ObjectFile(bytes: bytes, name: name).kernelBTF())
    _ = try KernelBTF(bytes: types)
  }

  @Test("a data section of the wrong size is refused in the checker's words")
  func wrongDataSection() throws {
    let error = #expect(throws: KernelError.self) {
      try KernelBTF(bytes: Self.variables(sectionSize: 8))
    }
    #expect(error?.errno == .invalid)
    #expect(error?.log.contains("Invalid offset") == true)
  }

  @Test("a section cut or malformed anywhere is an error of the kernel, not a crash")
  func malformed() {
    let whole = Self.variables(sectionSize: 0)
    for count in 0..<whole.count {
      #expect(throws: KernelError.self) { try KernelBTF(bytes: Array(whole.prefix(count))) }
    }
    #expect(throws: KernelError.self) {
      try KernelBTF(bytes: Self.variables(sectionSize: 0, elementCount: 0xffff))
    }
  }

  @Test("bytes that are no BTF are refused with the checker's words")
  func noBTF() throws {
    let error = #expect(throws: KernelError.self) {
      try KernelBTF(bytes: [UInt8](repeating: 7, count: 24))
    }
    #expect(error?.errno == .invalid)
    #expect(error?.log.contains("btf_header not found") == true)
  }
}
