import Foundation
import Testing

@Suite("Linkage")
struct LinkageTests {
  /// The programs that SwiftPM built beside the running test.
  private static let programs = ["switchyard", "switchyard-conformance"].compactMap { name in
    let test = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let path = test.deletingLastPathComponent().appending(path: name).path
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }

  @Test(
    "The programs link no full Foundation",
    .enabled(if: !programs.isEmpty, "needs Linux and programs built beside the tests"))
  func repository() throws {
    for path in Self.programs {
      let output = try Command.run(["ldd", path])
      #expect(output.status == 0)
      #expect(output.text.contains("libswiftCore.so"))
      expectNone(LinkageRules.violations(path, listing: output.text))
    }
  }

  @Test("Full Foundation is found in a listing, its essentials pass")
  func findsFoundation() {
    let listing = """
      \tlibFoundation.so => /opt/lib/libFoundation.so (0x00007f0000000000)
      \tlibFoundationEssentials.so => /opt/lib/libFoundationEssentials.so (0x00007f0000000000)
      """
    #expect(
      LinkageRules.violations("a", listing: listing).map(\.message) == ["links libFoundation.so"])
  }
}
