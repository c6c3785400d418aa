public import BPFRuntime

/// Maps and programs by name in one engine, so that one test text works with all engines.
///
/// A name stands for one user reference: ``closeMap(_:)`` and ``closeProgram(_:)`` give it up.
public protocol Bench: AnyObject {
  /// Where programs run.
  var engine: Engine { get }

  /// Creates a map.
  func makeMap(_ name: String, _ definition: MapDefinition) throws(BenchError)
  /// Creates a map of maps that are like another map.
  func makeMap(
    _ name: String, _ definition: MapDefinition, template: String
  ) throws(BenchError)
  /// Assembles and loads a program.
  func load(_ name: String, _ program: BenchProgram) throws(BenchError)
  /// Makes one top-level run.
  func run(_ name: String, _ input: BenchInput) throws(BenchError) -> BenchResult

  /// Reads a value as user space.
  func lookup(_ map: String, _ key: [UInt8], flags: UInt64) throws(BenchError) -> [UInt8]
  /// Writes a value as user space; of an array of programs, ``slotValue(of:)``.
  func update(_ map: String, _ key: [UInt8], _ value: [UInt8], flags: UInt64) throws(BenchError)
  /// Removes an element as user space.
  func delete(_ map: String, _ key: [UInt8]) throws(BenchError)
  /// The next key; `nil` after the last.
  func nextKey(_ map: String, after key: [UInt8]?) throws(BenchError) -> [UInt8]?
  /// Reads and removes.
  func lookupAndDelete(_ map: String, _ key: [UInt8]) throws(BenchError) -> [UInt8]
  /// Makes the map read-only for user space.
  func freeze(_ map: String) throws(BenchError)

  /// What is written to a slot of a map of maps to store a map there.
  func slotValue(ofMap map: String) throws(BenchError) -> [UInt8]
  /// What is written to a slot to store a program there.
  func slotValue(of program: String) throws -> [UInt8]
  /// The program's id.
  func programID(_ program: String) throws -> UInt32
  /// The map's id.
  func mapID(_ map: String) throws -> UInt32
  /// Whether an id still finds a program.
  func programExists(_ id: UInt32) -> Bool
  /// Whether an id still finds a map.
  func mapExists(_ id: UInt32) -> Bool

  /// The submitted records of a ring buffer, oldest first, which are taken out.
  func records(of map: String) throws -> [RingRecord]

  /// Puts a buffer for every CPU into a PERF_EVENT_ARRAY.
  func openEvents(_ map: String) throws
  /// The samples of all CPUs, which are taken out; Linux fills them up to a multiple of eight with
  /// the four bytes of their size.
  func samples(of map: String) throws -> [[UInt8]]

  /// Gives up the reference of a name.
  func closeMap(_ map: String)
  /// Makes another name for the map with this id.
  func openMap(_ map: String, id: UInt32) throws(BenchError)
  /// Gives up the reference of a name.
  func closeProgram(_ program: String)
}

/// Why an engine did not do something.
public enum BenchError: Error, Hashable {
  /// Refused, with Linux's number.
  case refused(LinuxError, reason: String)
  /// A checked run stopped.
  case fault(Fault.Kind)

  /// Linux's number; `nil` for a fault.
  public var errno: LinuxError? {
    guard case .refused(let errno, _) = self else { return nil }
    return errno
  }
}

/// What a program is loaded from.
public struct BenchProgram: Sendable {
  /// For `Assembler`; maps by their names.
  public var text: String
  /// Its type.
  public var type: ProgramType
  /// What decides about sharing arrays.
  public var traits = ProgramTraits()
  /// Its licence.
  public var license = "GPL"

  /// Describes a program.
  public init(
    _ text: String, _ type: ProgramType = .words, traits: ProgramTraits = ProgramTraits(),
    license: String = "GPL"
  ) {
    self.text = text
    self.type = type
    self.traits = traits
    self.license = license
  }
}

/// What a program is run on.
public enum BenchInput: Sendable {
  /// The words behind r1, at most twelve; for programs of type ``BPFRuntime/ProgramType/words``.
  case words([UInt64])
  /// An Ethernet frame.
  case packet([UInt8])
  /// The context's C struct, for types without a packet.
  case context([UInt8])

  /// Sixty bytes of nothing in particular.
  public static let anyPacket = BenchInput.packet([UInt8](repeating: 0, count: 60))
}

/// What a run came to.
public struct BenchResult: Hashable, Sendable {
  /// The lower half of r0, which is all that Linux tells.
  public var value: UInt32
  /// The packet afterwards; empty without one.
  public var packet: [UInt8] = []
  /// The context's C struct afterwards; empty for packets of types other than traffic control.
  public var context: [UInt8] = []

  /// Four bytes of the context.
  public func word(_ offset: Int) -> UInt32? {
    guard context.count >= offset + 4 else { return nil }
    return context[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}

extension ProgramType {
  /// Raw tracepoints (17): r1 points to twelve words, read-only.
  public static let words = ProgramType(
    number: 17, name: "raw_tracepoint",
    context: ContextLayout(
      byteCount: 96,
      fields: [ContextField("args", at: 0, size: 96, elementSize: 8, reads: .narrow)]),
    helpers: Helper.base)

  /// A type with one of Linux's numbers that is only loaded, stored and referred to.
  public static func number(_ number: UInt32) -> ProgramType {
    if number == 17 { return .words }
    return linux(number: number) ?? unrunnable[Int(number)]
  }

  private static let unrunnable = (0...32).map { number in
    ProgramType(
      number: UInt32(number), name: name(ofNumber: UInt32(number)) ?? "",
      context: .plain(byteCount: 8))
  }
}
