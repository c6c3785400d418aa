import TestSupport
import Testing

/// Programs that do what they must not, and chains that break.
@Suite("Faults and misses")
struct FaultTests {
  private func good() -> [UInt8] { Packets.slot(0) }

  @Test("A fault ends the run with status 4, and says where it was")
  func fault() throws {
    let file = try TemporaryFile("in.pcap", capture([good(), good(), Packets.slot(1), good()]))
    let run = CommandRun("run", Objects.careless, "-r", file.path, "--engine", "interpreter")
    #expect(run.status == 4)
    #expect(run.errors.hasPrefix("warning: the verifier rejected careless, which runs with every "))
    for part in [
      "program careless, instruction ", "r0 = *(u8 *)(r1 +0)", "not the program's memory",
      "careless.bpf.c:15", "packet 3, 2 done before",
    ] {
      #expect(run.errors.contains(part), "\(part) in \(run.errors)")
    }
    // What was done before is reported.
    #expect(run.output.contains("2 packets in "))
    #expect(run.output.contains("XDP_PASS        2  100.0 %"))
  }

  @Test("A fault's document has the source line")
  func faultDocument() throws {
    let run = CommandRun(
      "run", Objects.careless, "--hex", Packets.hex(Packets.slot(1)), "-j", "--engine",
      "interpreter")
    #expect(run.status == 4)
    let error = try run.error
    #expect(error["file"] as? String == "careless.bpf.c")
    #expect(error["line"] as? Int == 15)
  }

  @Test("--strict-tail fails when a tail call misses, and names slot, reason, line and packet")
  func strict() throws {
    let slots: [UInt8] = [0, 2, 2, 200, 1]
    let file = try TemporaryFile("in.pcap", capture(slots.map { Packets.slot($0) }))
    let arguments = ["run", Objects.steps, "--program", "start", "-r", file.path]
    #expect(CommandRun(arguments).status == 0)
    let run = CommandRun(arguments + ["--strict-tail"])
    #expect(run.status == 5)
    #expect(run.output.contains("4 missed"))
    for part in [
      "4 tail calls missed: steps[2]: the slot is empty, called from start at steps.bpf.c:49, "
        + "packet 2; ",
      "steps[200]: the array has no such slot, called from start at steps.bpf.c:49, packet 4; ",
      "steps[1]: the 33 hops are used up, called from again at steps.bpf.c:64, packet 5",
    ] {
      #expect(run.errors.contains(part), "\(part) in \(run.errors)")
    }
    let error = try CommandRun(arguments + ["--strict-tail", "-j"]).error
    #expect(error["file"] as? String == "steps.bpf.c")
    #expect(error["line"] as? Int == 49)
  }

  @Test("--strict-tail passes where every tail call is taken")
  func strictPass() {
    let run = CommandRun(
      "run", Objects.steps, "--program", "start", "--hex", Packets.hex(good()), "--strict-tail",
      "-j")
    #expect(run.status == 0)
  }
}
