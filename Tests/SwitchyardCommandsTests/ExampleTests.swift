import Foundation
import TestSupport
import Testing

/// The parser example over captures, through the command line.
@Suite("The parser example")
struct ExampleTests {
  @Test("The compiled parser reports what the interpreted one does")
  func compiled() throws {
    let documents = try ["interpreter", "jit"].map { engine in
      let run = CommandRun(
        "run", Objects.parser, "--program", "entry", "-r", Objects.mixedCapture, "-j",
        "--per-packet", "--engine", engine)
      #expect(run.status == 0)
      var document = try run.document
      #expect(document.removeValue(forKey: "engine") as? String == engine)
      document["duration_ns"] = nil
      return NSDictionary(dictionary: document)
    }
    #expect(documents[0] == documents[1])
  }

  @Test("The demo's capture: verdicts add up, and so do tail calls")
  func demo() throws {
    let run = CommandRun(
      "run", Objects.parser, "--program", "entry", "-r", Objects.mixedCapture, "-j",
      "--per-packet")
    #expect(run.status == 0)
    let document = try run.document
    let packets = try #require(document["packets"] as? Int)
    let verdicts = try #require(document["verdicts"] as? [String: Int])
    #expect(verdicts.values.reduce(0, +) == packets)
    #expect((document["results"] as? [Any])?.count == packets)

    let trace = try CommandRun(
      "trace", Objects.parser, "--program", "entry", "-r", Objects.mixedCapture, "-j"
    ).document
    let calls = try #require(trace["packets"] as? [[String: Any]])
      .flatMap { $0["calls"] as? [[String: Any]] ?? [] }
    let taken = calls.count { $0["outcome"] as? String == "taken" }
    let counts = try #require(document["tail_calls"] as? [String: Any])
    #expect(counts["taken"] as? Int == taken)
    let missed = try #require(counts["missed"] as? [String: Int])
    #expect(missed.values.reduce(0, +) == calls.count - taken)
  }

  @Test("Every shared capture is run, or refused by name", .requiresSharedCaptures)
  func shared() throws {
    for path in SharedCaptures.paths {
      let run = CommandRun("run", Objects.parser, "--program", "entry", "-r", path)
      #expect(run.status == 0 || run.status == 66, "\(path): \(run.errors)")
      if run.status == 66 {
        #expect(run.errors.contains("only Ethernet") || run.errors.contains("cannot read"))
      }
    }
  }
}
