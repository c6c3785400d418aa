import Foundation
import TestSupport
import Testing

/// The programs as processes: streams, pipes and exit statuses.
@Suite(
  "Processes",
  .enabled(if: ProcessRun.path("switchyard") != nil, "needs programs built beside the tests"))
struct ProcessTests {
  private func switchyard(_ shell: String, _ arguments: String...) throws -> ProcessRun {
    try ProcessRun(
      shell: shell, program: try #require(ProcessRun.path("switchyard")), arguments)
  }

  @Test("-r - reads standard input, a pipe included")
  func standardInput() throws {
    let run = try switchyard(
      "cat \"$1\" | \"$0\" run \"$2\" --program entry -r - -j", Objects.mixedCapture,
      Objects.parser)
    #expect(run.status == 0)
    let file = CommandRun(
      "run", Objects.parser, "--program", "entry", "-r", Objects.mixedCapture, "-j")
    let document = try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    let verdicts = (document as? [String: Any])?["verdicts"] as? [String: Int]
    #expect(try verdicts == file.document["verdicts"] as? [String: Int])
    #expect(verdicts?.isEmpty == false)
  }

  @Test("-w - writes packets to standard output, the report goes to standard error")
  func standardOutput() throws {
    let run = try switchyard(
      "\"$0\" run \"$1\" --program start --hex \"$2\" -w - | od -An -tx1 -N 4", Objects.steps,
      Packets.hex(Packets.slot(0)))
    #expect(run.output == " 4d 3c b2 a1\n")
    #expect(run.errors.contains("XDP_PASS"))
  }

  @Test("A reader that goes away is no crash")
  func brokenPipe() throws {
    let run = try switchyard(
      "{ \"$0\" trace \"$1\" --program entry -r \"$2\"; echo $? >&2; } | head -n 1",
      Objects.parser, Objects.mixedCapture)
    #expect(run.output.hasPrefix("packet 1  hop 1  entry"))
    #expect(run.errors == "0\n")
  }

  @Test("The exit status is the command's")
  func status() throws {
    let good = try switchyard("\"$0\" map show \"$1\"", Objects.steps)
    #expect(good.status == 0)
    let usage = try switchyard("\"$0\" fly")
    #expect(usage.status == 64)
    #expect(usage.output == "")
    let fault = try switchyard(
      "\"$0\" run \"$1\" --hex \"$2\" --engine interpreter", Objects.careless,
      Packets.hex(Packets.slot(1)))
    #expect(fault.status == 4)
  }

  @Test("The plugin reads standard input and writes r0")
  func conformance() throws {
    let plugin = try #require(ProcessRun.path("switchyard-conformance"))
    let run = try ProcessRun(
      shell: "echo b7000000ff000000 9500000000000000 | \"$0\" \"$@\"", program: plugin, [""])
    #expect(run.status == 0)
    #expect(run.output == "ff\n")
    let jit = try ProcessRun(
      shell: "echo b70000002a000000 9500000000000000 | \"$0\" --jit", program: plugin, [])
    #expect(jit.status == 0)
    #expect(jit.output == "2a\n")
  }
}
