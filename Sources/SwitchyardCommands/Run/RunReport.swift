import Switchyard

/// What a run came to, in numbers: text and JSON are made from it.
struct RunReport {
  /// The object's file, as it was given.
  var object: String
  var program: String
  var type: ProgramType
  var engine: String
  var engineSummary: String
  /// Packets that were run.
  var packets = 0
  /// Packets that the type of program cannot be given.
  var skipped = 0
  /// Time spent inside programs.
  var duration = Duration.zero
  /// How many packets by r0.
  var verdicts: [UInt32: Int] = [:]
  /// Tail calls of all programs; `nil` where the engine does not tell.
  var tailCalls: TailCallCounts?
  /// How each slot was used, by array and index.
  var slots: [SlotUse] = []
  /// Packet by packet, where asked for.
  var results: [PacketResult]?
  /// What programs sent to user space, where asked for.
  var events: [EventCollector.Event]?
  /// The maps' contents, where asked for.
  var maps: [MapContents]?

  /// One packet's result.
  struct PacketResult {
    var packet: Int
    var value: UInt32
    var data: [UInt8]
    /// Where it went, if it was redirected.
    var redirect: RedirectTarget?
  }

  /// One slot of an array of programs.
  struct SlotUse {
    var array: String
    var index: UInt32
    /// The program in it.
    var program: String?
    var counts: TailCallCounts
  }

  /// Verdicts by name, the most frequent first.
  var namedVerdicts: [(name: String, value: UInt32, count: Int)] {
    verdicts.map { (type.verdictName($0), $0, $1) }
      .sorted { ($1.2, $0.1) < ($0.2, $1.1) }
  }
}

extension RunReport {
  /// The document of `run -j`.
  var document: JSON {
    var members: [(key: String, value: JSON)] = [
      ("schema", .string("switchyard.run/1")), ("object", .string(object)),
      ("program", .string(program)), ("type", .string(type.name)), ("engine", .string(engine)),
      ("packets", .integer(packets)), ("skipped", .integer(skipped)),
      ("duration_ns", .integer(duration.nanoseconds)),
      ("verdicts", .object(namedVerdicts.map { ($0.name, .integer($0.count)) })),
      ("tail_calls", tailCalls?.document ?? .null),
    ]
    if let results {
      members.append(("results", .array(results.map(\.document))))
    }
    if let events { members.append(("events", .array(events.map(\.document)))) }
    if let maps {
      members.append(("maps", .object(maps.map { ($0.name, $0.document) })))
    }
    return .object(members)
  }
}

extension RunReport.PacketResult {
  fileprivate var document: JSON {
    .object(
      [
        ("packet", .integer(packet)), ("retval", .integer(Int(value))), ("data_out", .bytes(data)),
      ] + (redirect.map { [("redirect", $0.document)] } ?? []))
  }
}

extension TailCallCounts {
  /// `taken`, and `missed` by reason.
  var document: JSON {
    func number(_ value: UInt64) -> JSON { .integer(Int(clamping: value)) }
    return .object([
      ("taken", number(taken)),
      (
        "missed",
        .object([
          ("empty", number(empty)), ("out_of_range", number(outOfRange)), ("limit", number(limit)),
        ])
      ),
    ])
  }
}
