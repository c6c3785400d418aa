import BPFKernel
import BPFObject
import Foundation
import TestSupport
import Testing

/// `docs/verifier-messages.md` shows messages of Linux and of `switchyard verify` for the same
/// programs. What it shows is what the two say.
@Suite("The document of messages shows what is said")
struct VerifierMessageTests {
  private static let object = Fixtures.path("objects/mistakes.bpf.o")
  private static let path = SharedCaptures.packageRoot + "/docs/verifier-messages.md"
  private static let fence = "\n```\n"

  private struct Pair {
    var program: String
    /// What Linux says, as recorded.
    var linux: Substring
    /// What the command says, as recorded.
    var ours: Substring
  }

  private static func pairs(_ text: String) throws -> [Pair] {
    try text.components(separatedBy: "\n## ").dropFirst().map { section in
      let blocks = section.components(separatedBy: fence)
      // The code's end, Linux's block, its end, our head, our block.
      try #require(blocks.count == 6 || blocks.count == 5, "\(section.prefix(40))")
      let head = try #require(blocks[3].firstRange(of: "--program "))
      let program = blocks[3][head.upperBound...].prefix { $0 != "`" }
      return Pair(program: String(program), linux: blocks[2][...], ours: blocks[4][...])
    }
  }

  @Test("Our side is the command's output")
  func ours() throws {
    var text = try String(contentsOfFile: Self.path, encoding: .utf8)
    let pairs = try Self.pairs(text)
    #expect(pairs.count >= 10)
    for pair in pairs {
      let output = CommandRun("verify", Self.object, "--program", pair.program).output
        .trimmingCharacters(in: .newlines)
      if ProcessInfo.processInfo.environment["SWITCHYARD_RECORD"] == "1" {
        text = text.replacing(pair.ours.trimmingCharacters(in: .newlines), with: output)
      } else {
        #expect(pair.ours.trimmingCharacters(in: .newlines) == output, "\(pair.program)")
      }
    }
    if ProcessInfo.processInfo.environment["SWITCHYARD_RECORD"] == "1" {
      try text.write(toFile: Self.path, atomically: true, encoding: .utf8)
    }
  }

  @Test("Linux's side is Linux's message", .requiresKernel)
  func linux() throws {
    let bytes = try Data(contentsOf: URL(filePath: Self.object))
    let object = try ObjectFile(bytes: [UInt8](bytes), name: "mistakes")
    let verdicts = try KernelCollection.verdicts(of: object)
    for pair in try Self.pairs(try String(contentsOfFile: Self.path, encoding: .utf8)) {
      let error = try #require(verdicts[pair.program] ?? nil, "\(pair.program) is accepted")
      let message = VerifierCase.decisiveLine(of: error.log)
      #expect(pair.linux.contains(message), "\(pair.program): \(message)")
    }
  }
}
