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

/// A connection that speaks for itself, without an HTTP client.
enum RawSocket {
  /// Says something and goes away.
  static func send(_ text: String, to path: String) throws {
    let descriptor = try connect(to: path)
    defer { close(descriptor) }
    say(text, to: descriptor)
  }

  /// Says something and no more, and hears the answer.
  ///
  /// - Parameters:
  ///   - delay: Seconds before anything is read.
  ///   - enough: What the answer need not go on after; to the end of the connection without it.
  static func exchange(
    _ text: String, with path: String, waitingBefore delay: Double = 0, enough: String? = nil
  ) throws -> String {
    let descriptor = try connect(to: path)
    defer { close(descriptor) }
    say(text, to: descriptor)
    shutdown(descriptor, Int32(SHUT_WR))
    Thread.sleep(forTimeInterval: delay)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { break }
      bytes += chunk[..<count]
      if let enough, String(decoding: bytes, as: UTF8.self).contains(enough) { break }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func connect(to path: String) throws -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard connected == 0 else {
      close(descriptor)
      throw POSIXError(.ECONNREFUSED)
    }
    return descriptor
  }

  /// The server may end the connection before all of it is said.
  private static func say(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }
}
