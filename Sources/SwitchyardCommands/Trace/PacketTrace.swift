import Switchyard

/// The way of one packet through the chain.
struct PacketTrace {
  var packet: Int
  var calls: [TailCallPlace]
  /// r0; `nil` when the packet was too short, or the run stopped.
  var value: UInt32?
  var failure: CommandFailure?

  /// Runs a packet and keeps what it did.
  init(
    _ packet: borrowing PacketSource.Packet, _ engine: RuntimeEngine, _ names: TailCallNames
  ) {
    self.packet = packet.number
    calls = []
    do throws(CommandFailure) {
      value = try engine.run(packet.bytes)
      // The records of an earlier packet are still there after one that was not run.
      if value == nil { return }
    } catch {
      failure = error
      failure?.message += " (packet \(packet.number))"
    }
    calls = engine.tailCalls.map { names.place(of: $0) }
  }

  /// Hops that were made.
  var hops: Int { calls.count { $0.outcome == .taken } }

  func document(type: ProgramType) -> JSON {
    .object([
      ("packet", .integer(packet)), ("calls", .array(calls.map(\.document))),
      ("retval", JSON(value.map { Int($0) })),
      ("verdict", JSON(value.map { type.verdictName($0) })),
    ])
  }
}

extension TailCallPlace {
  fileprivate var document: JSON {
    .object([
      ("hop", .integer(Int(hop))), ("program", .string(program)), ("insn", .integer(instruction)),
      ("file", JSON(line?.path)), ("line", JSON(line?.line)), ("array", .string(array)),
      ("index", .integer(Int(index))), ("outcome", .string(outcome.key)), ("target", JSON(target)),
      ("generation", .integer(Int(clamping: generation))),
    ])
  }
}
