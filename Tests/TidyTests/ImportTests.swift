import Testing

@Suite("Imports point downward")
struct ImportTests {
  @Test("Every import and every declared dependency is in the table")
  func repository() throws {
    let manifest = try RepositoryManifest.read()
    #expect(manifest.targets.count > 10)
    expectNone(ImportRules.violations(manifest))
    for file in Repository.textFiles where file.isSwift {
      expectNone(ImportRules.violations(file, manifest))
    }
  }

  @Test("Every form of an import is read, and none from comments or strings")
  func formsOfImport() {
    let text = """
      import One
      @testable public import struct Two.Thing
      // import Three
      let text = "import Four"
      #if canImport(Five)
      internal import Five
      #endif
      """
    let imports = ImportRules.imports(of: TextFile("a.swift", text))
    #expect(imports.map(\.module) == ["One", "Two", "Five"])
    #expect(imports.map(\.line) == [1, 2, 6])
  }

  @Test(
    "An import that points upward, leaves the toolchain's small part or is undeclared is found",
    arguments: [
      ("BPFInstructions", "BPFObject"), ("BPFObject", "BPFRuntime"), ("BPFHooks", "Foundation"),
      ("Switchyard", "FoundationEssentials"), ("SwitchyardCommands", "Foundation"),
      ("switchyard-cli", "ArgumentParser"), ("Unplaced", "Glibc"), ("BPFHooks", "BPFInstructions"),
    ])
  func findsBadImport(module: String, imported: String) {
    let file = TextFile("Sources/\(module)/A.swift", "import \(imported)\n")
    let manifest = Manifest(#".target(name: "BPFHooks", dependencies: ["BPFRuntime"])"#)
    #expect(ImportRules.violations(file, manifest).count == 1)
  }

  @Test("A declared import from below and one of the system pass")
  func acceptsGoodImport() {
    let file = TextFile("Sources/BPFObject/A.swift", "import BPFInstructions\nimport Glibc\n")
    let manifest = Manifest(#".target(name: "BPFObject", dependencies: ["BPFInstructions"])"#)
    #expect(ImportRules.violations(file, manifest).isEmpty)
  }

  @Test("The manifest is read with products, paths and kinds")
  func readsManifest() {
    let manifest = Manifest(
      """
      // .target(name: "Commented")
      .target(
        name: "A", dependencies: ["B", .product(name: "C", package: "c-package")],
        swiftSettings: settings),
      .systemLibrary(name: "S", providers: [.apt(["libs-dev"])]),
      .target(name: "Support", path: "Tests/Support"),
      .testTarget(name: "ATests", dependencies: ["A"]),
      """)
    #expect(manifest.targets.map(\.name) == ["A", "S", "Support", "ATests"])
    #expect(manifest["A"]?.dependencies == ["B", "C"])
    #expect(manifest["S"]?.kind == .system)
    #expect(manifest["ATests"]?.path == "Tests/ATests")
    #expect(manifest.shipped.map(\.name) == ["A", "S"])
  }

  @Test("A manifest that declares a dependency upward is found, and a table row without a target")
  func findsBadManifest() {
    let all = ImportRules.allowed.keys.sorted()
    let good = all.map { ".target(name: \"\($0)\")" }
    #expect(ImportRules.violations(Manifest(good.joined())).isEmpty)
    let upward = good + [#".target(name: "BPFObject", dependencies: ["Switchyard"])"#]
    #expect(ImportRules.violations(Manifest(upward.joined())).count == 1)
    #expect(ImportRules.violations(Manifest(good.dropLast().joined())).count == 1)
    let unplaced = good + [#".target(name: "Unplaced")"#]
    #expect(ImportRules.violations(Manifest(unplaced.joined())).count == 1)
  }
}
