import Switchyard

/// Where the packets of a run come from.
struct PacketSource {
  enum Origin {
    /// A capture; `-` is standard input.
    case capture(String)
    /// One packet out of the arguments.
    case bytes([UInt8])
  }

  var origin: Origin
  /// Packets to take; all of them if `nil`.
  var limit: Int?
  /// How often to go through all of them.
  var repetitions = 1

  /// What is known once the source is open.
  struct Opened {
    /// How finely a capture that is written should count time.
    var precision: CaptureTimestamp.Precision
  }

  /// A packet and where it comes from.
  struct Packet: ~Escapable {
    /// The place in the capture, from 1.
    let number: Int
    let bytes: RawSpan
    let timestamp: CaptureTimestamp
    /// Whether this is the last time through the packets.
    let isLastPass: Bool

    @_lifetime(copy bytes)
    init(_ number: Int, _ bytes: RawSpan, _ timestamp: CaptureTimestamp, isLastPass: Bool) {
      self.number = number
      self.bytes = bytes
      self.timestamp = timestamp
      self.isLastPass = isLastPass
    }
  }

  /// Hands over every packet, in order.
  ///
  /// - Parameters:
  ///   - session: Receives warnings, and progress.
  ///   - opened: Called once, before the first packet.
  ///   - body: Called for each packet.
  func each(
    in session: Session, opened: (Opened) throws(CommandFailure) -> Void,
    _ body: (borrowing Packet) throws(CommandFailure) -> Void
  ) throws(CommandFailure) {
    switch origin {
    case .bytes(let bytes):
      try opened(Opened(precision: .nanoseconds))
      let packet = Stored(1, bytes, CaptureTimestamp(seconds: 0, nanoseconds: 0))
      try replay([packet], in: session, body)
    case .capture(let path):
      try read(path, in: session, opened: opened, body)
    }
  }

  private struct Stored {
    var number: Int
    var bytes: [UInt8]
    var timestamp: CaptureTimestamp

    init(_ number: Int, _ bytes: [UInt8], _ timestamp: CaptureTimestamp) {
      self.number = number
      self.bytes = bytes
      self.timestamp = timestamp
    }

    init(_ packet: borrowing CapturedPacket) {
      self.init(packet.number, [UInt8](copying: packet.bytes), packet.timestamp)
    }
  }

  private func read(
    _ path: String, in session: Session, opened: (Opened) throws(CommandFailure) -> Void,
    _ body: (borrowing Packet) throws(CommandFailure) -> Void
  ) throws(CommandFailure) {
    var reader: CaptureReader
    do throws(CaptureError) {
      reader = try CaptureReader(path: path)
    } catch {
      throw CommandFailure(.unreadable, "\(error)", file: path)
    }
    guard reader.linkType.isEthernet else {
      let type = reader.linkType
      throw CommandFailure(
        .unreadable,
        "\(path): the packets are \(type.summary) (\(type.name)); only Ethernet can be run",
        file: path)
    }
    try opened(Opened(precision: reader.precision))
    let progress = Progress(session.terminal)
    defer { progress.finish() }
    // Standard input cannot be read twice.
    var stored: [Stored] = []
    var last: CommandFailure?
    var count = 0
    while count < limit ?? .max {
      do throws(CaptureError) {
        guard let packet = try reader.next() else { break }
        count += 1
        if repetitions > 1 {
          stored.append(Stored(packet))
        } else {
          last = failure(of: packet, body)
        }
      } catch {
        guard count > 0 else { throw CommandFailure(.unreadable, "\(error)", file: path) }
        session.warn("\(error); the \(count.counted("packet")) before it were used")
        break
      }
      if let last { throw last }
      progress.advance {
        reader.byteCount.flatMap { total in
          reader.bytesRead.map { Double($0) / Double(max(1, total)) }
        }
      }
    }
    if repetitions > 1 { try replay(stored, in: session, body) }
  }

  /// Hands over one packet; a failure is given back, because errors of two kinds cannot be thrown
  /// in one place.
  private func failure(
    of packet: borrowing CapturedPacket, _ body: (borrowing Packet) throws(CommandFailure) -> Void
  ) -> CommandFailure? {
    do throws(CommandFailure) {
      try body(Packet(packet.number, packet.bytes, packet.timestamp, isLastPass: true))
      return nil
    } catch {
      return error
    }
  }

  private func replay(
    _ packets: [Stored], in session: Session,
    _ body: (borrowing Packet) throws(CommandFailure) -> Void
  ) throws(CommandFailure) {
    let progress = Progress(session.terminal)
    defer { progress.finish() }
    for pass in 0..<repetitions {
      for (position, packet) in packets.enumerated() {
        try body(
          Packet(
            packet.number, packet.bytes.rawSpan, packet.timestamp,
            isLastPass: pass == repetitions - 1))
        progress.advance {
          let all = Double(repetitions) * Double(packets.count)
          return (Double(pass) * Double(packets.count) + Double(position + 1)) / all
        }
      }
    }
  }
}
