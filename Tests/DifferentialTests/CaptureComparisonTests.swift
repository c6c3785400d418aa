import BPFHooks
import BPFRuntime
import TestSupport
import Testing

@Suite(
  "Programs see the packets of real captures as in the kernel", .requiresKernel,
  .requiresSharedCaptures)
struct CaptureComparisonTests {
  /// The first packets of every Ethernet capture, no longer than what a test run in Linux keeps in
  /// one piece.
  static func packets() -> [[UInt8]] {
    var packets: [[UInt8]] = []
    for path in SharedCaptures.paths {
      guard var reader = try? CaptureReader(path: path), reader.linkType == .ethernet else {
        continue
      }
      var count = 0
      // A malformed capture ends with an error; what came before counts.
      while count < 100, let packet = try? reader.next() {
        let bytes = (0..<packet.bytes.byteCount).map {
          packet.bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
        }
        if bytes.count <= 3520 { packets.append(bytes) }
        count += 1
      }
    }
    return packets
  }

  @Test("fields, bytes, pushing and pulling")
  func captures() throws {
    typealias Buffer = SocketBufferComparisonTests
    typealias XDP = XDPComparisonTests
    let packets = Self.packets()
    try #require(packets.count > 100)
    try PacketComparison(
      type: .xdp,
      body: [
        XDP.copy("xdp_load_bytes", 12, 20), XDP.adjust("xdp_adjust_head", -20),
        XDP.adjust("xdp_adjust_meta", -8), XDP.copy("xdp_store_bytes", 3, 40),
        XDP.adjust("xdp_adjust_tail", -30), XDP.adjust("xdp_adjust_head", 34),
        XDP.copy("xdp_load_bytes", 0, 64),
      ].joined(separator: "\n")
    ).check(packets)
    try Buffer.check(
      3,
      [
        Buffer.read([0, 4, 16, 160]), Buffer.copy("skb_load_bytes", 14, 20),
        Buffer.copy("skb_store_bytes", 26, 4, 0), Buffer.call("skb_change_tail", 200, 0),
        Buffer.call("skb_change_head", 14, 0), Buffer.noteLengths, Buffer.read([0, 160]),
      ].joined(separator: "\n"), packets: packets)
    try Buffer.check(
      1,
      [
        Buffer.read([0, 4, 16]), Buffer.copy("skb_load_bytes", 0, 20),
        "r0 = *(u16 *)skb[-0x1ffff4]\n\(Buffer.note)", "r0 = *(u8 *)skb[9]\n\(Buffer.note)",
      ].joined(separator: "\n"), packets: packets)
  }
}
