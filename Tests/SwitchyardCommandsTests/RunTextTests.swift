import TestSupport
import Testing

/// `run` for people.
@Suite("run")
struct RunTextTests {
  private func run(_ arguments: String..., slots: [UInt8] = [0, 0, 0, 1, 2, 200]) throws
    -> CommandRun
  {
    let file = try TemporaryFile("in.pcap", capture(slots.map { Packets.slot($0) }))
    return CommandRun(["run", Objects.steps, "--program", "start", "-r", file.path] + arguments)
  }

  @Test("The report names object, program, type and engine, and counts")
  func header() throws {
    let run = try run()
    #expect(run.status == 0)
    #expect(run.errors == "")
    let lines = run.output.split(separator: "\n").map(String.init)
    #expect(lines[0] == "\(Objects.steps)  program start (xdp)")
    #expect(lines[1] == Engines.summary)
    #expect(lines[2].hasPrefix("6 packets in "))
    #expect(lines[2].hasSuffix(" ns per packet"))
  }

  @Test("Hardened code comes to the same", .enabled(if: Engines.hasCompiler, "needs x86-64 Linux"))
  func hardened() throws {
    let (plain, hardened) = (try run("--engine", "jit"), try run("--engine", "jit", "--harden"))
    #expect(hardened.status == 0 && hardened.errors == "")
    // The third line has the time.
    let lines = [plain, hardened].map { $0.output.split(separator: "\n").dropFirst(3) }
    #expect(lines[0] == lines[1])
  }

  @Test("Verdicts come with count, share and a bar, the most frequent first")
  func verdicts() throws {
    let lines = try run().output.split(separator: "\n").map(String.init)
    let start = try #require(lines.firstIndex { $0.contains("verdict") })
    #expect(lines[start + 1].hasPrefix("  XDP_PASS        3  50.0 %  ████"))
    #expect(lines[start + 2].hasPrefix("  XDP_DROP        2  33.3 %  ███"))
    #expect(lines[start + 3].hasPrefix("  XDP_TX          1  16.7 %  █"))
  }

  @Test("The chain lists filled slots, and missed ones even when they are empty")
  func chain() throws {
    let output = try run().output
    #expect(output.contains("36 tail calls taken, 3 missed"))
    let rows = output.split(separator: "\n").filter { $0.hasPrefix("  steps[") }.map { line in
      line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
    #expect(
      rows == [
        "steps[0] -> mark 3 - - -", "steps[1] -> again 33 - - 1", "steps[2] -> empty - 1 - -",
        "steps[200] -> empty - - 1 -",
      ])
  }

  @Test("A slot that was filled for the run is hit")
  func setSlot() throws {
    let run = try run("--set-slot", "steps[2]=mark", "--set-slot", "steps[3]=spare")
    #expect(run.output.contains("steps[2]    ->  mark"))
    #expect(run.output.contains("2 missed"))
  }

  @Test("Packets and maps are shown where asked for")
  func details() throws {
    let run = try run("--per-packet", "--dump-maps", slots: [0, 2])
    #expect(run.output.contains("packet  verdict   bytes out"))
    #expect(run.output.contains("     1  XDP_PASS         60"))
    #expect(run.output.contains("steps prog_array, 2 elements"))
    #expect(run.output.contains("  [1] again"))
    #expect(run.output.contains("steps.bss array, 1 element"))
    #expect(run.output.contains("= 2"))
  }

  @Test("Colour is for terminals that want it", arguments: ["auto", "always", "never"])
  func color(choice: String) throws {
    let arguments = [
      "run", Objects.steps, "--program", "start", "--hex", Packets.hex(Packets.slot(0)),
      "--color", choice,
    ]
    let isColored = { (run: CommandRun) in run.output.contains("\u{1b}[") }
    #expect(isColored(CommandRun(arguments)) == (choice == "always"))
    #expect(isColored(CommandRun(arguments, isTerminal: true)) == (choice != "never"))
    #expect(
      isColored(CommandRun(arguments, isTerminal: true, refusesColor: true))
        == (choice == "always"))
  }

  @Test("What programs print appears where asked for")
  func prints() {
    let arguments = ["run", Objects.world, "--program", "classify", "--hex"]
    let packet = Packets.hex(Packets.slot(0, count: 77))
    #expect(CommandRun(arguments + [packet]).errors == "")
    #expect(CommandRun(arguments + [packet, "--trace-printk"]).errors == "printk: len 77\n")
  }
}
