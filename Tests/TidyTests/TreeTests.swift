import Testing

@Suite("The tree")
struct TreeTests {
  @Test("Tracked files are small, named without spaces, and complete")
  func repository() throws {
    #expect(Repository.paths.count > 20)
    for path in Repository.paths {
      let bytes = try #require(Repository.bytes(of: path), "\(path)")
      expectNone(TreeRules.size(path, byteCount: bytes.count))
    }
    expectNone(TreeRules.spaces(Repository.paths))
    expectNone(TreeRules.objects(Repository.paths))
    expectNone(TreeRules.placeholders(Repository.paths))
    expectNone(TreeRules.ignoreFile(try #require(Repository.text(".gitignore"))))
  }

  @Test("A walk of the folders finds the tracked files")
  func walk() {
    let walked = Set(Repository.walkedPaths())
    #expect(walked.isSuperset(of: Repository.paths))
  }

  @Test("A file over the limit, a space in a path and a missing ignore line are found")
  func findsBadFiles() {
    #expect(TreeRules.size("a", byteCount: 1_000_001).count == 1)
    #expect(TreeRules.size("a", byteCount: 1_000_000).isEmpty)
    #expect(TreeRules.spaces(["a b", "ab"]).count == 1)
    #expect(TreeRules.ignoreFile(TextFile(".gitignore", ".build/\n")).count == 1)
    #expect(TreeRules.ignoreFile(TextFile(".gitignore", ".build/\nPackage.resolved\n")).isEmpty)
  }

  @Test("A source without object and an object without source are found")
  func findsLoneObjects() {
    #expect(TreeRules.objects(["Examples/a.bpf.c"]).count == 1)
    #expect(TreeRules.objects(["Tests/Fixtures/objects/a.o"]).count == 1)
    #expect(TreeRules.objects(["Examples/a.bpf.c", "Examples/a.o", "Tests/b.o"]).isEmpty)
  }

  @Test("A placeholder beside a real file is found, also in a folder below")
  func findsOldPlaceholder() {
    let placeholder = "Sources/M/Placeholder.swift"
    #expect(TreeRules.placeholders([placeholder, "Sources/M/Deep/A.swift"]).count == 1)
    #expect(TreeRules.placeholders([placeholder, "Sources/N/A.swift"]).isEmpty)
  }
}
