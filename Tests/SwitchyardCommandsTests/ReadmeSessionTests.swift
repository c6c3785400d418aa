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
      for line in lines.dropFirst() where !line.contains("ns per packet") {
        #expect(printed.contains(line), "\(line)")
      }
    }
  }

  @Test("a chain is changed under traffic as the README shows, counts aside")
  func liveSession() throws {
    let root = SharedCaptures.packageRoot
    let program = try #require(ProcessRun.path("switchyard"))
    let readme = try String(contentsOfFile: root + "/README.md", encoding: .utf8)
    let block = try #require(
      readme.components(separatedBy: "```console\n").dropFirst(2).first?
        .components(separatedBy: "```").first)
    let lines = block.split(separator: "\n").map(String.init)
    let folder = FileManager.default.temporaryDirectory.appending(path: "sy-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }

    // What somebody types while a server starts comes later than what is typed by a script.
    let start = "switchyard() { \"$program\" \"$@\"; }; cd \"$1\"; program=$0"
    let wait = "for i in $(seq 500); do [ -S sy.sock ] && switchyard chain history > wait 2>&1"
    let commands = lines.filter { $0.hasPrefix("$ ") }.flatMap { line -> [String] in
      let command = String(line.dropFirst(2)).replacing("Examples/", with: "\(root)/Examples/")
      guard command.hasSuffix("&") else { return [command] }
      let direct = command.replacing("switchyard serve", with: "\"$program\" serve")
      return [
        direct, "server=$!", "export SWITCHYARD_SOCKET=sy.sock",
        wait + " && break; sleep 0.05; done",
      ]
    }
    #expect(commands.count >= 12)
    let script =
      ([start, "trap 'kill -9 $server 2> wait' EXIT"] + commands).joined(separator: "\n")
    let run = try ProcessRun(shell: script, program: program, [folder.path])
    let printed = Set(run.output.split(separator: "\n").map { Self.comparable(String($0)) })
    for line in lines where !line.hasPrefix("$ ") {
      #expect(printed.contains(Self.comparable(line)), "\(line): \(run.output) \(run.errors)")
    }
  }

  /// Without what depends on the packets that came by at the moment, and spaces at the end.
  private static func comparable(_ line: String) -> String {
    var words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    if words.first == "missed" { words = [words[0], "some"] + words.dropFirst(2).dropLast(2) }
    while words.last == "" { words.removeLast() }
    return words.joined(separator: " ")
  }
}
