import Foundation
import SwitchyardCommands
import TestSupport
import Testing

/// A command that was run inside the test's own process.
struct CommandRun {
  let status: Int32
  let output: String
  let errors: String

  private final class Sink {
    var text = ""
  }

  init(_ arguments: [String], isTerminal: Bool = false, refusesColor: Bool = false) {
    let output = Sink()
    let errors = Sink()
    let terminal = Terminal(
      writeOutput: { output.text += $0 }, writeError: { errors.text += $0 },
      isOutputTerminal: isTerminal, isErrorTerminal: isTerminal, refusesColor: refusesColor)
    status = CommandLineTool.run(arguments, terminal: terminal)
    self.output = output.text
    self.errors = errors.text
  }

  init(_ arguments: String...) {
    self.init(arguments)
  }

  /// The document on standard output: exactly one line, one object.
  var document: [String: Any] {
    get throws {
      #expect(output.hasSuffix("\n"))
      let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
      return try #require(object as? [String: Any])
    }
  }

  /// The error of an error document, which must have exactly the keys that scripts rely on.
  var error: [String: Any] {
    get throws {
      let document = try document
      #expect(document["schema"] as? String == "switchyard.error/1")
      #expect(Set(document.keys) == ["schema", "error"])
      let error = try #require(document["error"] as? [String: Any])
      #expect(Set(error.keys) == ["code", "message", "file", "line"])
      #expect(error["code"] as? Int == Int(status))
      return error
    }
  }
}

/// The objects of these tests.
enum Objects {
  static let steps = Fixtures.path("objects/steps.bpf.o")
  static let careless = Fixtures.path("objects/careless.bpf.o")
  static let world = Fixtures.path("objects/world.bpf.o")
  static let attached = Fixtures.path("objects/attached.bpf.o")
  static let notices = Fixtures.path("objects/notices.bpf.o")
  static let parser = SharedCaptures.packageRoot + "/Examples/parser.o"
  static let mixedCapture = SharedCaptures.packageRoot + "/Examples/captures/mixed.pcap"
}

/// Packets for `steps.bpf.o`: the first byte is the slot that `start` calls.
enum Packets {
  static func slot(_ index: UInt8, count: Int = 60) -> [UInt8] {
    [index] + (1..<count).map { UInt8(truncatingIfNeeded: $0) }
  }

  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}

/// A file of the test's own, removed at the end.
final class TemporaryFile {
  let path: String

  init(_ name: String, _ bytes: [UInt8] = []) throws {
    path = NSTemporaryDirectory() + "switchyard-\(UUID().uuidString)-\(name)"
    if !bytes.isEmpty { try Data(bytes).write(to: URL(filePath: path)) }
  }

  var bytes: [UInt8] {
    get throws { try [UInt8](Data(contentsOf: URL(filePath: path))) }
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}

/// A pcap file with whole seconds as timestamps, from 1 on.
func capture(_ packets: [[UInt8]], linkType: UInt32 = 1) -> [UInt8] {
  func word(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
  var bytes: [UInt8] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0]
  bytes += word(0) + word(0) + word(65535) + word(Int(linkType))
  for (position, packet) in packets.enumerated() {
    bytes += word(position + 1) + word(0) + word(packet.count) + word(packet.count) + packet
  }
  return bytes
}

/// The packets of a little-endian pcap file with their seconds.
func packets(ofCapture bytes: [UInt8]) -> [(second: Int, bytes: [UInt8])] {
  func word(_ offset: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << ($1 * 8) }
  }
  var packets: [(Int, [UInt8])] = []
  var offset = 24
  while offset + 16 <= bytes.count {
    let count = word(offset + 8)
    packets.append((word(offset), Array(bytes[(offset + 16)..<(offset + 16 + count)])))
    offset += 16 + count
  }
  return packets
}
