import Foundation
import Testing

@Suite("Words that must not be there")
struct WordTests {
  @Test("The repository's sources mark nothing as unfinished")
  func unfinished() {
    for file in Repository.textFiles { expectNone(WordRules.unfinished(file)) }
  }

  @Test("No tracked file, objects included, carries a path of a machine")
  func machinePaths() throws {
    for path in Repository.paths {
      let bytes = try #require(Repository.bytes(of: path), "\(path)")
      expectNone(WordRules.machinePaths(path, bytes))
    }
  }

  @Test(
    "An unfinished mark is found as a word, in comments too", arguments: WordRules.unfinishedMarks)
  func findsUnfinished(mark: String) {
    let file = TextFile("a.swift", "let a = 1\nlet b = 2  // \(mark): later\nlet c\(mark) = 3\n")
    #expect(WordRules.unfinished(file).map(\.line) == [2])
  }

  @Test("A machine's path is found between other bytes", arguments: WordRules.machinePaths)
  func findsMachinePath(path: String) {
    let bytes = Data([0x7f, 0x0a, 0xff, 0x00]) + Data("\(path)x.c".utf8)
    #expect(WordRules.machinePaths("a.o", bytes).map(\.line) == [2])
    #expect(WordRules.machinePaths("a.o", Data("/usr/include/stdint.h".utf8)).isEmpty)
  }
}
