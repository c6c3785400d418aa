public import BPFRuntime
public import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

// What tests of tail calls say most, in few words.

extension Bench {
  /// Creates an array of programs.
  public func makeSlots(_ name: String, _ count: UInt32, flags: MapFlags = []) throws {
    try makeMap(
      name,
      MapDefinition(
        name: name, type: .programArray, keySize: 4, valueSize: 4, maxEntries: count,
        flags: flags))
  }

  /// Creates an array with one value of eight-byte counters: programs reach counter n through
  /// `map[name][0]+8n`.
  public func makeCounters(_ name: String, _ count: UInt32) throws {
    try makeMap(
      name,
      MapDefinition(name: name, type: .array, keySize: 4, valueSize: 8 * count, maxEntries: 1))
  }

  /// The counters made by ``makeCounters(_:_:)``.
  public func counters(_ name: String) throws -> [UInt64] {
    let bytes = try lookup(name, [0, 0, 0, 0], flags: 0)
    return stride(from: 0, to: bytes.count, by: 8).map { start in
      bytes[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// Sets all counters, zero where `values` ends.
  public func setCounters(_ name: String, _ values: [UInt64], count: Int) throws {
    let values = values + [UInt64](repeating: 0, count: count - values.count)
    let bytes = values.flatMap { value in
      (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    try update(name, [0, 0, 0, 0], bytes, flags: 0)
  }

  /// Assembles and loads a program of words.
  public func load(_ name: String, _ text: String) throws(BenchError) {
    try load(name, BenchProgram(text))
  }

  /// Stores a program in a slot.
  public func store(_ program: String, in slots: String, at index: UInt32) throws {
    try update(slots, littleEndian(index), slotValue(of: program), flags: 0)
  }

  /// Empties a slot.
  public func empty(_ slots: String, at index: UInt32) throws(BenchError) {
    try delete(slots, littleEndian(index))
  }

  /// Runs a program on words and returns r0.
  public func run(_ name: String, _ words: UInt64...) throws(BenchError) -> UInt32 {
    try run(name, .words(words)).value
  }
}

/// The four bytes of a number.
public func littleEndian(_ value: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// Expects an operation to be refused with this number.
public func expectRefusal(
  _ errno: LinuxError, _ what: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  let error = #expect(throws: BenchError.self, what, sourceLocation: sourceLocation) {
    try body()
  }
  if let error { #expect(error.errno == errno, what, sourceLocation: sourceLocation) }
}

/// Gives Linux the time to do what it does in the background.
public func pause() { usleep(50_000) }

/// Waits up to two seconds until something holds: Linux frees in the background.
public func eventually(_ condition: () -> Bool) -> Bool {
  for _ in 0..<40 {
    if condition() { return true }
    usleep(50_000)
  }
  return condition()
}
