import Foundation
import TestSupport
import Testing

/// The session on the README's first screen is what the commands print.
@Suite("The README's session", .serialized)
struct ReadmeSessionTests {
  @Test("each command prints what the README shows, times aside")
  func session() throws {
    let root = SharedCaptures.packageRoot
    let readme = try String(contentsOfFile: root + "/README.md", encoding: .utf8)
    let block = try #require(
      readme.components(separatedBy: "```console\n").dropFirst().first?
        .components(separatedBy: "```").first)
    let sessions = block.components(separatedBy: "$ switchyard ").dropFirst()
    #expect(sessions.count == 2)
    for session in sessions {
      let lines = session.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
      let arguments = try #require(lines.first).split(separator: " ").map { word in
        // The tests' working folder is not the package's.
        word.hasPrefix("Examples/") ? "\(root)/\(word)" : String(word)
      }
      let run = CommandRun(arguments)
      #expect(run.status == 0)
      let printed = Set(
        run.output.replacing(root + "/", with: "").split(separator: "\n").map(String.init))
      for line in lines.dropFirst() where !line.contains("ns per packet") && line != "..." {
        #expect(printed.contains(line), "\(line)")
      }
    }
  }
}
