import Testing

@Suite("Documents agree with the tree")
struct DocumentTests {
  private static let documents = Repository.textFiles.filter(\.isMarkdown)

  @Test("Every document has one title, and its links lead somewhere")
  func repository() {
    #expect(Self.documents.contains { $0.path == "README.md" })
    for document in Self.documents {
      expectNone(MarkdownRules.title(document))
      expectNone(MarkdownRules.links(document, exists: Repository.exists))
    }
  }

  @Test(
    "The module tables are those of Package.swift", arguments: ["README.md", "ARCHITECTURE.md"])
  func modules(path: String) throws {
    let document = try #require(Repository.text(path))
    expectNone(DriftRules.modules(document, try RepositoryManifest.read()))
  }

  @Test("Every target of the Makefile is documented, every documented one exists")
  func makefile() throws {
    let makefile = try #require(Repository.text("Makefile"))
    let targets = DriftRules.makeTargets(makefile).map(\.name)
    #expect(Set(targets).isSuperset(of: ["demo", "test", "bench", "lint", "objects", "help"]))
    let documents = Self.documents.filter { !$0.path.contains("/") }
    expectNone(DriftRules.makefile(makefile, documents: documents))
  }

  @Test("No title, two titles and a title only in code are found")
  func findsBadTitle() {
    let violations = { MarkdownRules.title(TextFile("a.md", $0)) }
    #expect(violations("text\n").count == 1)
    #expect(violations("# One\n# Two\n").map(\.line) == [2])
    #expect(violations("```\n# comment\n```\n").count == 1)
    #expect(violations("# One\n```\n# comment\n```\n## Two\n").isEmpty)
  }

  @Test("A link to nothing and one out of the repository are found")
  func findsBadLink() {
    let text = "[a](b.md#part) [c](https://example.org/) [d](gone.md)\n[e](../../x) [f](../y.md)\n"
    let found = MarkdownRules.links(TextFile("docs/a.md", text)) {
      ["docs/b.md", "y.md"].contains($0)
    }
    #expect(found.map(\.line) == [1, 2])
    #expect(found.first?.message == "link `gone.md` leads nowhere")
  }

  @Test("A module that is missing in the table, is unknown or has no table is found")
  func findsModuleDrift() {
    let manifest = Manifest(#".target(name: "A") .target(name: "B")"#)
    let violations = { DriftRules.modules(TextFile("README.md", $0), manifest) }
    #expect(violations("# Title\n").count == 1)
    #expect(violations("## Modules\n| `A` | x |\n").count == 1)
    #expect(violations("## Modules\n| `A` | x |\n| `B` | x |\n| `C` | x |\n").map(\.line) == [4])
    #expect(violations("## Modules\n| `A` | x |\n| `B` | x |\n## Next\n| `C` | x |\n").isEmpty)
  }

  @Test("An undocumented target and a documented one that is missing are found")
  func findsMakefileDrift() {
    let makefile = TextFile("Makefile", "V := 1\na: ## helps\nb:\nc: a\n.PHONY: a\n")
    let document = TextFile("README.md", "We make do with `make c`.\n\n    $ make gone N=1\n")
    let found = DriftRules.makefile(makefile, documents: [document])
    #expect(found.map(\.path) == ["Makefile", "README.md"])
    #expect(found.map(\.line) == [3, 3])
  }
}
