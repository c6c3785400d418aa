import BPFInstructions
import BPFObject
import Testing

/// Objects that others have built.
@Suite struct InstalledObjectTests {
  @Test(
    .enabled(if: !InstalledObjects.paths.isEmpty, "needs Debian's xdp-tools and libxdp1"),
    arguments: InstalledObjects.paths)
  func `Every program of an installed object is linked or refused with a reason`(
    _ path: String
  ) throws {
    let object = try ObjectFile(bytes: InstalledObjects.bytes(path), name: "installed")
    #expect(!object.programs.isEmpty || !object.refused.isEmpty)
    #expect(object.license == "GPL")
    for program in object.programs {
      try program.instructions.validate()
      #expect(program.kind == .xdp)
    }
    for program in object.refused { #expect(program.error.code == .coreRelocation) }
  }
}
