import Foundation
import TestSupport
import Testing

/// `chain show`, `prog` and `map`: what an object has.
@Suite("chain, prog and map")
struct ObjectViewTests {
  @Test("chain show says who calls whom, from which line, and what is missing")
  func chain() {
    let run = CommandRun("chain", "show", Objects.steps)
    #expect(run.status == 0)
    #expect(
      run.output == """
        \(Objects.steps)  4 programs, 1 array of programs, 3 tail calls, a loop, so up to 33 hops

        start (xdp), entry, in no slot
          steps[*]  ->  any of 2 programs  steps.bpf.c:49

        spare (xdp), entry, in no slot
          steps[3]  ->  empty  steps.bpf.c:70

        mark (xdp), steps[0]

        again (xdp), steps[1]
          steps[1]  ->  again  steps.bpf.c:64

        steps 4 slots, 2 filled
          [0]  mark
          [1]  again
          [3]  empty, but called from spare

        loop: again -> again

        """)
  }

  @Test("chain show -j has programs, arrays, empty slots and what is unreachable")
  func chainDocument() throws {
    let document = try CommandRun("chain", "list", Objects.steps, "-j").document
    #expect(
      Set(document.keys) == [
        "schema", "object", "programs", "arrays", "empty_slots", "unreachable", "loops",
        "max_hops", "problems", "generation",
      ])
    #expect(document["schema"] as? String == "switchyard.chain/1")
    let programs = try #require(document["programs"] as? [[String: Any]])
    #expect(
      programs.map { $0["program"] as? String } == ["mark", "again", "start", "spare"])
    let call = try #require((programs[1]["tail_calls"] as? [[String: Any]])?.first)
    #expect(
      Set(call.keys) == ["insn", "function", "file", "line", "array", "index", "targets", "uses"])
    #expect(call["index"] as? Int == 1)
    #expect(call["targets"] as? [String] == ["again"])
    let empty = try #require(document["empty_slots"] as? [[String: Any]])
    #expect(empty.map { $0["index"] as? Int } == [3])
    #expect(empty.first?["callers"] as? [String] == ["spare"])
    #expect((document["unreachable"] as? [String])?.isEmpty == true)
  }

  @Test("The parser example is understood as a whole")
  func parser() throws {
    let document = try CommandRun("chain", "show", Objects.parser, "-j").document
    let programs = try #require(document["programs"] as? [[String: Any]])
    let calls = programs.flatMap { $0["tail_calls"] as? [[String: Any]] ?? [] }
    #expect(calls.count > 20)
    for call in calls {
      #expect(call["array"] is String)
      // Layers are called by constant, protocols by the packet's number.
      #expect((call["index"] is Int) == (call["array"] as? String == "layers"))
      // Lines are the example's own, not those of libbpf's headers.
      let file = try #require(call["file"] as? String)
      #expect(!file.hasPrefix("/"), "\(file)")
    }
    #expect(document["unreachable"] as? [String] == [])
    let empty = try #require(document["empty_slots"] as? [[String: Any]])
    #expect(empty.map { $0["index"] as? Int } == [2, 3])
  }

  @Test("prog dump xlated writes bpftool's notation, with source lines")
  func dump() {
    let run = CommandRun("prog", "dump", "xlated", Objects.steps, "--program", "again")
    #expect(
      run.output == """
        again (xdp):
        ; tail_call(context, &steps, 1); [file:steps.bpf.c line_num:64 line_col:3]
           0: (18) r2 = map[name:steps]
           2: (b4) w3 = 1
           3: (85) call bpf_tail_call#12
        ; return XDP_TX; [file:steps.bpf.c line_num:65 line_col:3]
           4: (b4) w0 = 3
           5: (95) exit

        """)
  }

  @Test("prog dump xlated -j has instruction, text and line")
  func dumpDocument() throws {
    let document = try CommandRun("prog", "dump", "xlated", Objects.steps, "-j").document
    #expect(document["schema"] as? String == "switchyard.prog_dump/1")
    let programs = try #require(document["programs"] as? [[String: Any]])
    #expect(programs.count == 4)
    let insns = try #require(programs[1]["insns"] as? [[String: Any]])
    #expect(insns.map { $0["insn"] as? Int } == [0, 2, 3, 4, 5])
    #expect(insns[2]["disasm"] as? String == "(85) call bpf_tail_call#12")
    #expect(insns[0]["line_num"] as? Int == 64)
  }

  @Test("prog show lists programs, with show and list alike", arguments: ["show", "list"])
  func programs(_ verb: String) throws {
    let run = CommandRun("prog", verb, Objects.steps)
    #expect(run.output.contains("start"))
    #expect(run.output.contains("steps visits steps.bss"))
    let document = try CommandRun("prog", verb, Objects.steps, "-j").document
    #expect(document["schema"] as? String == "switchyard.prog/1")
    let programs = try #require(document["programs"] as? [[String: Any]])
    #expect(programs.map { $0["name"] as? String } == ["mark", "again", "start", "spare"])
    #expect(programs.map { $0["tail_calls"] as? Int } == [0, 1, 1, 1])
  }

  @Test("map show lists maps under libbpf's names")
  func maps() throws {
    let document = try CommandRun("map", "list", Objects.steps, "-j").document
    let maps = try #require(document["maps"] as? [[String: Any]])
    #expect(
      maps.map { $0["name"] as? String } == ["steps", "visits", "steps.rodata", "steps.bss"])
    #expect(
      maps.map { $0["type"] as? String } == ["prog_array", "percpu_array", "array", "array"])
    #expect(CommandRun("map", "show", Objects.steps).output.contains("2 slots filled"))
  }

  @Test("map dump shows contents after loading, or after a run")
  func contents() throws {
    func total(_ arguments: String...) throws -> String? {
      let run = CommandRun(["map", "dump", Objects.steps, "steps.bss", "-j"] + arguments)
      let maps = try #require(try run.document["maps"] as? [String: [[String: Any]]])
      #expect(Array(maps.keys) == ["steps.bss"])
      return (maps["steps.bss"]?.first?["value"] as? [String])?.first
    }
    #expect(try total() == "0x00")
    #expect(
      try total("--program", "start", "--hex", Packets.hex(Packets.slot(0))) == "0x01")
    let text = CommandRun("map", "dump", Objects.steps, "steps").output
    #expect(text == "steps prog_array, 2 elements\n  [0] mark\n  [1] again\n")
  }

  @Test("Flags may stand in front, as bpftool wants them", arguments: ["-j", "--json", "-jd"])
  func flags(_ flag: String) throws {
    let document = try CommandRun(flag, "prog", "show", Objects.steps).document
    #expect(document["schema"] as? String == "switchyard.prog/1")
  }

  @Test("Corrupted objects give errors or results, never a crash")
  func corrupted() throws {
    let good = try [UInt8](Data(contentsOf: URL(filePath: Objects.steps)))
    var state: UInt64 = 2026
    func random(below limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    for _ in 0..<80 {
      var bytes = good
      for _ in 0...random(below: 8) {
        bytes[random(below: bytes.count)] = UInt8(truncatingIfNeeded: random(below: 256))
      }
      let file = try TemporaryFile("corrupted.o", bytes)
      let commands = [
        ["chain", "show", file.path], ["prog", "dump", "xlated", file.path],
        ["map", "show", file.path, "-j"], ["map", "dump", file.path],
        ["run", file.path, "--program", "start", "--hex", Packets.hex(Packets.slot(1))],
      ]
      for command in commands {
        #expect([0, 2, 3, 4, 64, 69].contains(CommandRun(command).status))
      }
    }
  }
}
