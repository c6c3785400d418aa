import Foundation
import TestSupport
import Testing

/// What programs tell user space, and where they send packets.
@Suite("run --events")
struct EventTests {
  private func input(_ kinds: UInt8...) throws -> TemporaryFile {
    try TemporaryFile("in.pcap", capture(kinds.map { Packets.slot($0) }))
  }

  @Test("records of ring buffers and perf events are given with their packet")
  func records() throws {
    let file = try input(0, 5)
    let run = CommandRun(
      "run", Objects.notices, "--program", "tell", "-r", file.path, "-j", "--events")
    #expect(run.status == 0, "\(run.errors)")
    let events = try #require(try run.document["events"] as? [[String: Any]])
    #expect(events.map { $0["packet"] as? Int } == [1, 1, 2, 2])
    #expect(events.map { $0["map"] as? String } == ["ring", "samples", "ring", "samples"])
    #expect(events[0]["data"] as? [String] == ["0x00", "0x03", "0x02", "0x01"])
    #expect(events[0]["cpu"] is NSNull)
    #expect(events[1]["cpu"] as? Int == 0)
    // The byte from the stack and two of the packet.
    #expect(events[3]["data"] as? [String] == ["0x05", "0x05", "0x01"])
  }

  @Test("the text shows them as a table")
  func text() throws {
    let file = try input(3)
    let run = CommandRun("run", Objects.notices, "--program", "tell", "-r", file.path, "--events")
    #expect(run.status == 0)
    #expect(run.output.contains("03 03 02 01"))
    #expect(run.output.contains("samples"))
  }

  @Test("--per-packet tells where a packet is redirected to")
  func redirects() throws {
    let file = try input(0, 1, 2)
    let run = CommandRun(
      "run", Objects.notices, "--program", "tell", "-r", file.path, "-j", "--per-packet")
    #expect(run.status == 0)
    let results = try #require(try run.document["results"] as? [[String: Any]])
    #expect(results[0]["redirect"] == nil)
    let device = try #require(results[1]["redirect"] as? [String: Any])
    #expect(device["kind"] as? String == "device")
    #expect(device["ifindex"] as? Int == 7)
    let broadcast = try #require(results[2]["redirect"] as? [String: Any])
    #expect(broadcast["kind"] as? String == "broadcast")
    #expect(broadcast["exclude_ingress"] as? Int == 0)
    let text = CommandRun(
      "run", Objects.notices, "--program", "tell", "-r", file.path, "--per-packet")
    #expect(text.output.contains("to device 7"))
  }

  @Test("-w writes the copies that a program sends, though it drops the packet")
  func clones() throws {
    let file = try input(1, 2, 3)
    let output = try TemporaryFile("out.pcap", [])
    let run = CommandRun(
      "run", Objects.notices, "--program", "copy", "-r", file.path, "-w", output.path)
    #expect(run.status == 0, "\(run.errors)")
    let again = CommandRun("run", Objects.steps, "--program", "start", "-r", output.path, "-j")
    #expect(try again.document["packets"] as? Int == 3)
  }

  @Test("--events is for what runs here")
  func kernel() {
    let run = CommandRun(
      "run", Objects.notices, "--program", "tell", "--hex", "00", "--events", "--engine", "kernel")
    #expect(run.status == 64)
  }
}
