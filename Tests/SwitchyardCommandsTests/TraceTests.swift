import TestSupport
import Testing

@Suite("trace")
struct TraceTests {
  private func arguments(_ slots: UInt8...) throws -> (file: TemporaryFile, [String]) {
    let file = try TemporaryFile(
      "in.pcap", capture(slots.map { Packets.slot($0) } + [[1, 2, 3]]))
    return (file, ["trace", Objects.steps, "--program", "start", "-r", file.path])
  }

  @Test("A line for every tail call, taken or missed, and one for the verdict")
  func text() throws {
    let (file, arguments) = try arguments(0, 2)
    let run = withExtendedLifetime(file) { CommandRun(arguments) }
    #expect(run.status == 0)
    let lines = run.output.split(separator: "\n").map { line in
      line.replacing(/\(\d+\)/, with: "(N)")
    }
    #expect(
      lines == [
        "packet 1  hop 1  start @ steps.bpf.c:49 (N)  steps[0] -> mark",
        "packet 1  XDP_PASS after 1 hop",
        "packet 2  miss   start @ steps.bpf.c:49 (N)  steps[2] missed: the slot is empty"
          + " (0 hops before, generation 1)",
        "packet 2  XDP_DROP after 0 hops",
        "packet 3  skipped: too short for type xdp",
      ])
  }

  @Test("The document has the same, by name")
  func document() throws {
    let (file, arguments) = try arguments(1)
    let run = withExtendedLifetime(file) { CommandRun(arguments + ["-j"]) }
    let document = try run.document
    #expect(
      Set(document.keys) == ["schema", "object", "program", "type", "packets"])
    #expect(document["schema"] as? String == "switchyard.trace/1")
    let packets = try #require(document["packets"] as? [[String: Any]])
    #expect(packets.count == 2)
    #expect(packets[0]["verdict"] as? String == "XDP_TX")
    #expect(packets[0]["retval"] as? Int == 3)
    let calls = try #require(packets[0]["calls"] as? [[String: Any]])
    #expect(calls.count == 34)
    #expect(
      Set(calls[0].keys) == [
        "hop", "program", "insn", "file", "line", "array", "index", "outcome", "target",
        "generation",
      ])
    #expect(calls.map { $0["hop"] as? Int } == Array(1...33) + [33])
    #expect(calls[32]["outcome"] as? String == "taken")
    #expect(calls[32]["target"] as? String == "again")
    #expect(calls[33]["outcome"] as? String == "limit")
    #expect(calls[33]["program"] as? String == "again")
    #expect(calls[33]["line"] as? Int == 64)
    #expect((packets[1]["calls"] as? [Any])?.isEmpty == true)
  }

  @Test("A fault ends the trace with status 4, after the way that led to it")
  func fault() {
    let run = CommandRun(
      "trace", Objects.careless, "--hex", Packets.hex(Packets.slot(1)), "--engine",
      "interpreter")
    #expect(run.status == 4)
    #expect(run.output == "packet 1  stopped after 0 hops\n")
    #expect(run.errors.contains("careless.bpf.c:15 (packet 1)"))
  }
}
