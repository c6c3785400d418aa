import Foundation
import Switchyard
import SwitchyardControl
import TestSupport

/// A server of the example's chain in this process.
final class World {
  let live: LiveRuntime
  let server: ControlServer
  let client: ControlClient
  let path: String
  private let traffic: Traffic?

  init(state: String? = nil, object: [UInt8]? = nil, packets: Bool = false) throws {
    path = NSTemporaryDirectory() + "sy-\(UUID().uuidString.prefix(8))"
    let options = LiveRuntime.Options(statePath: state)
    live = try LiveRuntime(
      runtime: Runtime(), object: (try object ?? Self.object(), "parser"), program: "entry",
      options: options)
    traffic =
      packets ? Traffic(packets: try Self.packets(), through: live, rate: 20_000) : nil
    server = try ControlServer(live, traffic: traffic, at: path)
    client = ControlClient(path: path)
    try traffic?.start()
  }

  deinit {
    traffic?.stop()
    server.stop()
  }

  func chain() throws -> ChainDocument {
    try client.request("GET", "/v1/chain")
  }

  func apply(_ array: String, _ index: UInt32, _ program: String?) throws {
    let slot = ChangesDocument.Slot(
      array: array, index: index, program: program.map { .name($0) })
    let _: PlanDocument = try client.request(
      "POST", "/v1/chain/apply", body: ChangesDocument(slots: [slot]))
  }

  private static let examples = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples")

  static func object() throws -> [UInt8] {
    [UInt8](try Data(contentsOf: examples.appending(path: "parser.o")))
  }

  private static func packets() throws -> [[UInt8]] {
    var reader = try CaptureReader(path: examples.appending(path: "captures/mixed.pcap").path)
    var packets: [[UInt8]] = []
    while let packet = try reader.next() {
      packets.append(packet.bytes.withUnsafeBytes { [UInt8]($0) })
    }
    return packets
  }
}

extension ChainDocument {
  func program(_ array: String, _ index: UInt32) -> String? {
    arrays.first { $0.name == array }?.slots.first { $0.index == index }?.program.name
  }
}

/// A connection that says something and goes away.
enum RawSocket {
  static func send(_ text: String, to path: String) throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard connected == 0 else { throw POSIXError(.ECONNREFUSED) }
    let bytes = Array(text.utf8)
    _ = write(descriptor, bytes, bytes.count)
  }
}
