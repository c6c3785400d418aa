import BPFInstructions
import BPFObject
import Testing

/// Objects that others have built.
@Suite struct InstalledObjectTests {
  @Test(
    .enabled(if: !InstalledObjects.paths.isEmpty, "needs Debian's xdp-tools and libxdp1"),
    arguments: InstalledObjects.paths)
  func `Every program of an installed object is linked and disassembled, or refused with a reason`(
    _ path: String
  ) throws {
    let object = try ObjectFile(bytes: InstalledObjects.bytes(path), name: "installed")
    #expect(!object.programs.isEmpty || !object.refused.isEmpty)
    #expect(object.license == "GPL")
    for program in object.programs {
      try program.instructions.validate()
      #expect(program.kind == .xdp)
      // Every slot reads as an instruction, and the text as the same instruction again.
      let listing = Disassembler().disassemble(program.instructions)
      #expect(listing.allSatisfy { $0.error == nil })
      let text = listing.map(\.text).joined(separator: "\n")
      #expect(try Assembler().assemble(text).instructions == program.instructions)
    }
    for program in object.refused { #expect(program.error.code == .coreRelocation) }
  }
}
