import Foundation
import TestSupport
import Testing

/// `run -j`, key by key.
@Suite("run -j")
struct RunJSONTests {
  private func slots(_ indices: UInt8...) throws -> TemporaryFile {
    try TemporaryFile("in.pcap", capture(indices.map { Packets.slot($0) }))
  }

  @Test(
    "A program gets the context of the place that it will be attached to",
    arguments: [
      (program: "to_device", count: 60, verdict: "XDP_PASS"), ("bind", 72, "1"), ("send", 72, "1"),
      ("after_bind", 80, "1"),
    ], ["interpreter", Engines.preferred])
  func attachTypes(_ item: (program: String, count: Int, verdict: String), _ engine: String) throws
  {
    let run = CommandRun(
      "run", Objects.attached, "--program", item.program, "--engine", engine, "-j", "--hex",
      Packets.hex([UInt8](repeating: 0, count: item.count)))
    #expect(try run.document["verdicts"] as? [String: Int] == [item.verdict: 1])
  }

  @Test("The document has the keys that scripts rely on, and no others")
  func keys() throws {
    let file = try slots(0, 1, 2, 9, 0)
    let run = CommandRun("run", Objects.steps, "--program", "start", "-r", file.path, "-j")
    #expect(run.status == 0)
    #expect(run.errors == "")
    let document = try run.document
    #expect(
      Set(document.keys) == [
        "schema", "object", "program", "type", "engine", "packets", "skipped", "duration_ns",
        "verdicts", "tail_calls",
      ])
    #expect(document["schema"] as? String == "switchyard.run/1")
    #expect(document["object"] as? String == Objects.steps)
    #expect(document["program"] as? String == "start")
    #expect(document["type"] as? String == "xdp")
    #expect(document["engine"] as? String == Engines.preferred)
    #expect(document["packets"] as? Int == 5)
    #expect(document["skipped"] as? Int == 0)
    #expect(try #require(document["duration_ns"] as? Int) > 0)
    #expect(
      document["verdicts"] as? [String: Int] == ["XDP_PASS": 2, "XDP_TX": 1, "XDP_DROP": 2])
    let calls = try #require(document["tail_calls"] as? [String: Any])
    #expect(Set(calls.keys) == ["taken", "missed"])
    #expect(calls["taken"] as? Int == 35)
    #expect(
      calls["missed"] as? [String: Int] == ["empty": 1, "out_of_range": 1, "limit": 1])
  }

  @Test("--per-packet gives r0 and the packet, numbered as in the capture")
  func results() throws {
    let file = try TemporaryFile(
      "in.pcap", capture([Packets.slot(2, count: 20), [1, 2, 3], Packets.slot(0, count: 16)]))
    let run = CommandRun(
      "run", Objects.steps, "--program", "start", "-r", file.path, "-j", "--per-packet")
    #expect(run.status == 0)
    let document = try run.document
    #expect(document["packets"] as? Int == 2)
    #expect(document["skipped"] as? Int == 1)
    #expect(run.errors.contains("warning: 1 packet skipped"))
    let results = try #require(document["results"] as? [[String: Any]])
    #expect(results.map { $0["packet"] as? Int } == [1, 3])
    #expect(results.map { $0["retval"] as? Int } == [1, 2])
    for result in results { #expect(Set(result.keys) == ["packet", "retval", "data_out"]) }
    // `mark` writes 0xaa to the second byte.
    #expect(
      results[1]["data_out"] as? [String] == [
        "0x00", "0xaa", "0x02", "0x03", "0x04", "0x05", "0x06", "0x07", "0x08", "0x09", "0x0a",
        "0x0b", "0x0c", "0x0d", "0x0e", "0x0f",
      ])
  }

  @Test("--dump-maps gives every map: global data, values per CPU, programs in slots")
  func maps() throws {
    let file = try slots(0, 0, 0)
    let run = CommandRun(
      "run", Objects.steps, "--program", "start", "-r", file.path, "-j", "--dump-maps", "--cpus",
      "2")
    let maps = try #require(try run.document["maps"] as? [String: [[String: Any]]])
    #expect(Set(maps.keys) == ["steps", "visits", "steps.rodata", "steps.bss"])

    let steps = try #require(maps["steps"])
    #expect(steps.map { $0["program"] as? String } == ["mark", "again"])
    for slot in steps { #expect(Set(slot.keys) == ["key", "value", "program"]) }
    #expect(steps[1]["key"] as? [String] == ["0x01", "0x00", "0x00", "0x00"])

    let visits = try #require(maps["visits"]?.first)
    #expect(Set(visits.keys) == ["key", "values"])
    let values = try #require(visits["values"] as? [[String: Any]])
    #expect(values.map { $0["cpu"] as? Int } == [0, 1])
    #expect(values.map { ($0["value"] as? [String])?.first } == ["0x02", "0x01"])
    #expect((values[0]["value"] as? [String])?.count == 8)

    #expect(
      maps["steps.rodata"]?.first?["value"] as? [String] == ["0x2a", "0x00", "0x00", "0x00"])
    #expect((maps["steps.bss"]?.first?["value"] as? [String])?.first == "0x03")
  }

  @Test("-c stops, --repeat goes through the capture again")
  func counts() throws {
    let file = try slots(0, 1, 2, 2)
    let counted = CommandRun(
      "run", Objects.steps, "--program", "start", "-r", file.path, "-j", "-c", "2")
    #expect(try counted.document["packets"] as? Int == 2)
    let repeated = CommandRun(
      "run", Objects.steps, "--program", "start", "-r", file.path, "-j", "--repeat", "3",
      "--per-packet")
    let document = try repeated.document
    #expect(document["packets"] as? Int == 12)
    #expect(
      document["verdicts"] as? [String: Int] == ["XDP_PASS": 3, "XDP_TX": 3, "XDP_DROP": 6])
    let results = try #require(document["results"] as? [[String: Any]])
    #expect(results.map { $0["packet"] as? Int } == [1, 2, 3, 4])
  }

  @Test("Every repetition gets the packet as it was")
  func fresh() throws {
    let run = CommandRun(
      "run", Objects.steps, "--program", "start", "--hex", Packets.hex(Packets.slot(0)), "-j",
      "--repeat", "1000")
    #expect(try run.document["verdicts"] as? [String: Int] == ["XDP_PASS": 1000])
  }

  @Test("The verdict of a type without names is the number")
  func numbers() throws {
    let long = CommandRun(
      "run", Objects.world, "--program", "keep", "-j", "--hex", Packets.hex(Packets.slot(0)))
    #expect(try long.document["verdicts"] as? [String: Int] == ["17": 1])
    #expect(try long.document["type"] as? String == "socket_filter")
  }

  @Test("--clock and --seed decide what programs see")
  func world() throws {
    func bytes(_ seed: String) throws -> [String] {
      let run = CommandRun(
        "run", Objects.world, "--program", "classify", "-j", "--dump-maps", "--clock",
        "fixed:258", "--seed", seed, "--hex", Packets.hex(Packets.slot(0)))
      let maps = try #require(try run.document["maps"] as? [String: [[String: Any]]])
      return try #require(maps["world.bss"]?.first?["value"] as? [String])
    }
    let first = try bytes("7")
    #expect(Array(first[..<8]) == ["0x02", "0x01"] + [String](repeating: "0x00", count: 6))
    #expect(try bytes("7") == first)
    #expect(try bytes("8") != first)
  }

  @Test("-p gives the same document on many lines")
  func pretty() throws {
    let file = try slots(0)
    let run = CommandRun("run", Objects.steps, "--program", "start", "-r", file.path, "-p")
    #expect(run.output.hasPrefix("{\n  \"schema\": \"switchyard.run/1\",\n"))
    #expect(try run.document["packets"] as? Int == 1)
  }

  @Test("The kernel gives the same results", .requiresKernel)
  func kernel() throws {
    let file = try slots(0, 1, 2, 9)
    let arguments = [
      "run", Objects.steps, "--program", "start", "-r", file.path, "-j", "--per-packet",
      "--dump-maps", "--set-slot", "steps[2]=mark",
    ]
    let ours = try CommandRun(arguments).document
    let kernel = try CommandRun(arguments + ["--engine", "kernel"]).document
    #expect(kernel["engine"] as? String == "kernel")
    #expect(kernel["tail_calls"] is NSNull)
    #expect(Set(kernel.keys) == Set(ours.keys))
    for key in ["verdicts", "results", "packets", "type"] {
      #expect(kernel[key] as? NSObject == ours[key] as? NSObject, "\(key)")
    }
    let maps = try #require(kernel["maps"] as? [String: [[String: Any]]])
    #expect(maps["steps"]?.map { $0["program"] as? String } == ["mark", "again", "mark"])
    let bss = try #require(ours["maps"] as? [String: [[String: Any]]])["steps.bss"]
    #expect(maps["steps.bss"] as NSObject? == bss as NSObject?)
  }
}
