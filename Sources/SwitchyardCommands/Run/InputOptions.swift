import ArgumentParser

/// Bytes in hexadecimal.
struct HexBytes: ExpressibleByArgument {
  var bytes: [UInt8]

  init?(argument: String) {
    let digits = argument.hasPrefix("0x") ? argument.dropFirst(2) : argument[...]
    guard let bytes = SwitchyardCommands.bytes(hexadecimal: digits.utf8), !bytes.isEmpty else {
      return nil
    }
    self.bytes = bytes
  }
}

/// Which packets to run.
struct InputOptions: ParsableArguments {
  @Option(
    name: .customShort("r"),
    help: ArgumentHelp("A capture, pcap or pcapng; - is standard input.", valueName: "file"))
  var capture: String?

  @Option(
    name: .customShort("i"), help: ArgumentHelp("A live interface.", valueName: "interface"))
  var interface: String?

  @Option(
    help: ArgumentHelp(
      "One packet in hexadecimal, from its Ethernet header on; for types of programs that get no "
        + "packets, the bytes of their context."))
  var hex: HexBytes?

  @Option(
    name: .customShort("c"), help: ArgumentHelp("Stop after this many packets.", valueName: "n"))
  var count: Int?

  func validate() throws {
    let given = [capture != nil, interface != nil, hex != nil].count { $0 }
    guard given <= 1 else { throw ValidationError("give only one of -r, -i and --hex") }
    if let count, count < 1 { throw ValidationError("-c takes a number from 1 on") }
  }

  /// The source of packets; `nil` when none is given.
  func source(repetitions: Int = 1) throws(CommandFailure) -> PacketSource? {
    if interface != nil {
      throw CommandFailure(
        .unavailable, "-i: live interfaces are not available yet; record one with tcpdump -w")
    }
    if let capture {
      return PacketSource(origin: .capture(capture), limit: count, repetitions: repetitions)
    }
    return hex.map {
      PacketSource(origin: .bytes($0.bytes), limit: count, repetitions: repetitions)
    }
  }
}
