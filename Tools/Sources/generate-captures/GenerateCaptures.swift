import Foundation

/// Writes `rare.pcap` and `malformed.pcap` into the folder given, the same bytes every time, and
/// lists on standard output what each packet is: the number is the one that Wireshark shows.
@main
enum GenerateCaptures {
  static func main() throws {
    guard CommandLine.arguments.count == 2 else {
      FileHandle.standardError.write(Data("usage: generate-captures FOLDER\n".utf8))
      exit(64)
    }
    let folder = URL(fileURLWithPath: CommandLine.arguments[1], isDirectory: true)
    for (name, packets) in [("rare", rarePackets()), ("malformed", malformedPackets())] {
      let file = folder.appendingPathComponent("\(name).pcap")
      try Data(captureFile(of: packets.map(\.bytes))).write(to: file)
      print("\(name).pcap")
      for (index, packet) in packets.enumerated() {
        print("  \(index + 1)  \(packet.name)")
      }
    }
  }
}
