import SwitchyardCommands
import TestSupport
import Testing

/// Exit statuses and error messages.
@Suite("Errors")
struct FailureTests {
  struct Case: CustomTestStringConvertible {
    var arguments: [String]
    var status: Int32
    var message: String

    init(_ arguments: String..., status: Int32, message: String) {
      self.arguments = arguments
      self.status = status
      self.message = message
    }

    var testDescription: String {
      arguments.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
        .joined(separator: " ")
    }
  }

  private static let packet = Packets.hex(Packets.slot(0))

  static let cases = [
    Case(status: 64, message: "name a command: run, verify, trace, chain, prog, map"),
    Case("fly", status: 64, message: "fly"),
    Case("run", status: 64, message: "object"),
    Case("run", "a.o", status: 64, message: "no packets"),
    Case("run", "a.o", "-r", "b", "--hex", "00", status: 64, message: "only one of"),
    Case("run", "a.o", "-r", "b", "-c", "0", status: 64, message: "-c"),
    Case(
      "run", "a.o", "--hex", "00", "--engine", "interpreter", "--harden", status: 64,
      message: "--harden"),
    Case("run", "a.o", "--hex", "0", status: 64, message: "--hex"),
    Case("run", "a.o", "--hex", "zz", status: 64, message: "--hex"),
    Case("run", "a.o", "-r", "b", "--repeat", "0", status: 64, message: "--repeat"),
    Case("run", "a.o", "-r", "b", "--engine", "car", status: 64, message: "car"),
    Case("run", "a.o", "-r", "b", "--clock", "fixed", status: 64, message: "--clock"),
    Case("run", "a.o", "-r", "b", "--cpus", "0", status: 64, message: "--cpus"),
    Case("run", "a.o", "-r", "b", "--set-slot", "x=y", status: 64, message: "x=y"),
    Case(
      "run", "a.o", "-r", "b", "--engine", "kernel", "--strict-tail", status: 64,
      message: "does not tell"),
    Case(
      "run", Objects.careless, "--hex", packet, "--engine", "jit", status: 2,
      message: "the verifier rejected careless: instruction "),
    Case("run", "a.o", "-i", "eth0", status: 69, message: "live interfaces"),
    Case("run", "/nowhere/a.o", "-r", "b", status: 66, message: "/nowhere/a.o"),
    Case("chain", "show", "/nowhere/a.o", status: 66, message: "No such file"),
    Case("chain", "show", #filePath, status: 3, message: "ELF"),
    Case(
      "run", Objects.steps, "--hex", packet, status: 64, message: "mark, again, start, spare"),
    Case(
      "run", Objects.steps, "--program", "stop", "--hex", packet, status: 64,
      message: "there is no program stop"),
    Case(
      "run", Objects.steps, "--program", "start", "-r", "/nowhere/b", status: 66,
      message: "/nowhere/b"),
    Case(
      "run", Objects.steps, "--program", "start", "--hex", packet, "--set-slot", "steps[4]=mark",
      status: 64, message: "has 4 slots: E2BIG (7)"),
    Case(
      "run", Objects.steps, "--program", "start", "--hex", packet, "--set-slot",
      "visits[0]=mark", status: 64, message: "no array of programs"),
    Case(
      "run", Objects.steps, "--program", "start", "--hex", packet, "--set-slot", "more[0]=mark",
      status: 64, message: "no map more"),
    Case(
      "run", Objects.world, "--program", "unknown", "--hex", packet, status: 64,
      message: "section mystery"),
    Case(
      "run", Objects.world, "--program", "unknown", "--hex", packet, "--type", "sea", status: 64,
      message: "--type sea"),
    Case("map", "dump", Objects.steps, "none", status: 64, message: "no map none"),
    Case(
      "prog", "dump", "xlated", Objects.steps, "--program", "none", status: 64,
      message: "no program none"),
  ]

  @Test("An error is one line and an exit status", arguments: cases)
  func text(_ item: Case) {
    let run = CommandRun(item.arguments)
    #expect(run.status == item.status)
    #expect(run.output == "")
    #expect(run.errors.hasPrefix("error: "))
    #expect(run.errors.contains(item.message), "\(run.errors)")
    #expect(run.errors.count { $0 == "\n" } == 1)
  }

  @Test("With -j it is a document", arguments: cases.filter { $0.arguments.count > 1 })
  func json(_ item: Case) throws {
    let run = CommandRun(item.arguments + ["-j"])
    #expect(run.status == item.status)
    #expect(run.errors == "")
    let message = try #require(try run.error["message"] as? String)
    #expect(message.contains(item.message), "\(message)")
  }

  @Test("Only Ethernet is run; other link types are refused by name")
  func linkType() throws {
    let file = try TemporaryFile("in.pcap", capture([Packets.slot(0)], linkType: 105))
    let run = CommandRun("run", Objects.steps, "--program", "start", "-r", file.path)
    #expect(run.status == 66)
    #expect(run.errors.contains("802.11 (IEEE802_11)"))
  }

  @Test("A capture that breaks off is used as far as it goes")
  func truncated() throws {
    let bytes = capture([Packets.slot(0), Packets.slot(0)]).dropLast(7)
    let file = try TemporaryFile("in.pcap", Array(bytes))
    let run = CommandRun("run", Objects.steps, "--program", "start", "-r", file.path, "-j")
    #expect(run.status == 0)
    #expect(try run.document["packets"] as? Int == 1)
    #expect(run.errors.hasPrefix("warning: "))
    #expect(run.errors.contains("the 1 packet before it were used"))
  }

  @Test("A capture of which not one packet can be read is an error")
  func broken() throws {
    let file = try TemporaryFile("in.pcap", Array(capture([Packets.slot(0)]).dropLast(7)))
    let run = CommandRun("run", Objects.steps, "--program", "start", "-r", file.path, "-j")
    #expect(run.status == 66)
    #expect(try run.error["file"] as? String == file.path)
  }

  @Test("An answer that cannot be written is an error")
  func lostOutput() {
    var errors = ""
    let terminal = Terminal(
      writeOutput: { _ in }, writeError: { errors += $0 }, outputFailure: { "the disk is full" })
    let arguments = ["run", Objects.steps, "--program", "start", "--hex", Self.packet]
    #expect(CommandLineTool.run(arguments, terminal: terminal) == 73)
    #expect(errors == "error: cannot write to standard output: the disk is full\n")
  }

  @Test("A program whose section says nothing does not keep others from being verified")
  func unknownSection() throws {
    let run = CommandRun("verify", Objects.world, "-j")
    #expect(run.status == 69)
    let programs = try #require(try run.document["programs"] as? [[String: Any]])
    let unknown = try #require(programs.first { $0["program"] as? String == "unknown" })
    #expect(unknown["verdict"] as? String == "not verified")
    #expect((unknown["reason"] as? String)?.hasSuffix("give one with --type") == true)
    #expect(programs.contains { $0["verdict"] as? String == "accepted" })
    #expect(CommandRun("verify", Objects.world, "--program", "unknown").status == 64)
  }

  @Test("The type of a program whose section says nothing can be given")
  func type() throws {
    let run = CommandRun(
      "run", Objects.world, "--program", "unknown", "--hex", Self.packet, "--type", "tc", "-j")
    #expect(try run.document["verdicts"] as? [String: Int] == ["TC_ACT_PIPE": 1])
  }

  @Test("Names out of hostile files do not reach the terminal as they are")
  func escapes() {
    let run = CommandRun("run", "a\u{1b}[2J\n.o", "-r", "b")
    #expect(run.errors == "error: cannot read the object a?[2J?.o: No such file or directory\n")
  }

  @Test("Help is no error")
  func help() {
    for arguments in [["--help"], ["run", "--help"], ["help", "chain"]] {
      let run = CommandRun(arguments)
      #expect(run.status == 0)
      #expect(run.output.contains("USAGE: switchyard"))
      #expect(run.errors == "")
    }
  }
}
