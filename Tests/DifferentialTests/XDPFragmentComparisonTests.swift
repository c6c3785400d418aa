import BPFRuntime
import TestSupport
import Testing

/// Frames that do not fit into one page: Linux puts what is left over into fragments, which a
/// program reaches through helpers only.
@Suite("XDP frames in fragments do what they do in the kernel", .requiresKernel)
struct XDPFragmentComparisonTests {
  static let frames = [3520, 3521, 4096, 6000, 9000, 16384].map { count in
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 251) }
  }

  @Test(
    "moving the end",
    arguments: [
      0, 1, 100, 575, 576, 577, 1616, 1617, 4095, 4096, -1, -100, -479, -480, -481, -2480, -2481,
      -5986, -5987, -70000,
    ])
  func adjustingTail(offset: Int) throws {
    try PacketComparison(
      type: .xdp, body: XDPComparisonTests.adjust("xdp_adjust_tail", offset)
    ).check(Self.frames)
  }

  @Test("moving the start", arguments: [-100, 14, 1000, 3506, 3507, 4000])
  func adjustingHead(offset: Int) throws {
    try PacketComparison(
      type: .xdp, body: XDPComparisonTests.adjust("xdp_adjust_head", offset)
    ).check(Self.frames)
  }

  @Test(
    "copying bytes across pieces",
    arguments: ["xdp_load_bytes", "xdp_store_bytes"], [0, 3456, 3490, 3520, 5936, 5937, 16320])
  func copying(helper: String, offset: Int) throws {
    try PacketComparison(type: .xdp, body: XDPComparisonTests.copy(helper, offset, 64))
      .check(Self.frames)
  }

  @Test("the length counts fragments")
  func length() throws {
    try PacketComparison(
      type: .xdp, body: "r1 = r6\ncall xdp_get_buff_len\n\(XDPComparisonTests.note)"
    ).check(Self.frames)
  }
}
