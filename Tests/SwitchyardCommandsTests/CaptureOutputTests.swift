import TestSupport
import Testing

/// `run -w`.
@Suite("run -w")
struct CaptureOutputTests {
  private func written(_ arguments: [String]) throws -> [(second: Int, bytes: [UInt8])] {
    let file = try TemporaryFile("out.pcap")
    let run = CommandRun(["run"] + arguments + ["-w", file.path])
    #expect(run.status == 0, "\(run.errors)")
    return try packets(ofCapture: file.bytes)
  }

  @Test("Packets that go on are written as the program left them, at their time")
  func xdp() throws {
    let input = try TemporaryFile("in.pcap", capture([2, 0, 1, 9].map { Packets.slot($0) }))
    let out = try written([Objects.steps, "--program", "start", "-r", input.path])
    #expect(out.map(\.second) == [2, 3])
    var marked = Packets.slot(0)
    marked[1] = 0xaa
    #expect(out.map(\.bytes) == [marked, Packets.slot(1)])
  }

  @Test("Traffic control drops what is shot")
  func trafficControl() throws {
    let long = Packets.slot(0, count: 60)
    let input = try TemporaryFile("in.pcap", capture([Packets.slot(0, count: 59), long]))
    let out = try written([Objects.world, "--program", "classify", "-r", input.path])
    #expect(out.map(\.bytes) == [long])
  }

  @Test("Socket filters let whole packets through, first header included")
  func socketFilter() throws {
    let long = Packets.slot(0, count: 60)
    let input = try TemporaryFile("in.pcap", capture([Packets.slot(0, count: 30), long]))
    let out = try written([Objects.world, "--program", "keep", "-r", input.path])
    #expect(out.map(\.bytes) == [long])
  }

  @Test("With --repeat packets are written once")
  func once() throws {
    let hex = Packets.hex(Packets.slot(0))
    let out = try written([Objects.steps, "--program", "start", "--hex", hex, "--repeat", "5"])
    #expect(out.count == 1)
  }

  @Test("A file that cannot be created is an error before any packet")
  func unwritable() {
    let run = CommandRun(
      "run", Objects.steps, "--program", "start", "--hex", Packets.hex(Packets.slot(0)), "-w",
      "/nowhere/out.pcap")
    #expect(run.status == 73)
    #expect(run.output == "")
    #expect(run.errors.hasPrefix("error: /nowhere/out.pcap: cannot write this capture"))
  }
}
