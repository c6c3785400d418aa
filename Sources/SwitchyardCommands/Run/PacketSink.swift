import Switchyard

/// Writes the packets that a program lets go on.
final class PacketSink {
  private var writer: CaptureWriter
  private let path: String

  init(_ path: String, precision: CaptureTimestamp.Precision) throws(CommandFailure) {
    self.path = path
    do throws(CaptureError) {
      writer = try CaptureWriter(path: path, precision: precision)
    } catch {
      throw CommandFailure(.cannotWrite, "\(error)", file: path)
    }
  }

  func write(_ bytes: [UInt8], at timestamp: CaptureTimestamp) throws(CommandFailure) {
    do throws(CaptureError) {
      try writer.write(bytes.rawSpan, at: timestamp)
    } catch {
      throw CommandFailure(.cannotWrite, "\(error)", file: path)
    }
  }

  func finish() throws(CommandFailure) {
    do throws(CaptureError) {
      try writer.flush()
    } catch {
      throw CommandFailure(.cannotWrite, "\(error)", file: path)
    }
  }

  /// Whether a packet goes on after its program returned a value.
  ///
  /// XDP: to the stack, back out, or to another interface. Traffic control: everything that is
  /// neither dropped nor kept (`TC_ACT_SHOT`, `STOLEN`, `QUEUED`, `REPEAT`). Socket filters: what
  /// is not cut to nothing.
  static func goesOn(_ value: UInt32, type: ProgramType) -> Bool {
    switch type.number {
    case 6: (2...4).contains(value)
    case 3, 4: ![2, 4, 5, 6].contains(value)
    default: value != 0
    }
  }
}
