import BPFHooks
import TestSupport
import Testing

@Suite("The shared captures", .requiresSharedCaptures)
struct SharedCaptureTests {
  /// How many captures there are of each link type; agrees with what Wireshark's capinfos counts.
  static let linkTypes = [
    "EN10MB": 98, "IEEE802_11_RADIO": 30, "LINUX_SLL": 8, "IPV6": 6, "FRELAY": 5, "PPP": 5,
    "C_HDLC": 2, "NULL": 2, "RAW": 2, "SLIP": 2, "ARCNET_LINUX": 1, "IPNET": 1, "IPV4": 1,
    "JUNIPER_ATM1": 1, "JUNIPER_ETHER": 1, "JUNIPER_MONITOR": 1, "MFR": 1, "PPP_SERIAL": 1,
  ]

  @Test("all of them are read to the end")
  func readToTheEnd() throws {
    var linkTypes: [String: Int] = [:]
    var packetCount = 0
    for path in SharedCaptures.paths {
      linkTypes[try CaptureReader(path: path).linkType.name, default: 0] += 1
      let (packets, error) = try readAll(path)
      #expect(error == nil)
      packetCount += packets.count
    }
    #expect(linkTypes == Self.linkTypes)
    #expect(packetCount == 1293)
  }

  @Test("copies of them, rewritten, hold the same packets")
  func rewritten() throws {
    for path in SharedCaptures.paths {
      let reader = try CaptureReader(path: path)
      let (packets, _) = try readAll(path)
      let file = try TemporaryFile()
      try write(packets, to: file, linkType: reader.linkType, precision: reader.precision)
      let (copies, error) = try readAll(file)
      #expect(error == nil)
      #expect(copies == packets, "\(path)")
    }
  }
}
