// UNSAFE. The bytes of the code that is being written.
//
// Invariant: `base` has room for `capacity` bytes and is owned here; every instruction reserves
// `Self.instructionLimit` bytes before it writes, and no instruction of ours is longer.

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A growing run of bytes; appending to it is a store.
@safe
struct CodeBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  /// Bytes that were written.
  private(set) var count = 0

  /// Bytes that a reservation makes room for. x86-64 instructions have at most 15.
  static let instructionLimit = 16

  init(capacity: Int) {
    let capacity = max(capacity, Self.instructionLimit)
    unsafe base = .allocate(byteCount: capacity, alignment: 16)
    self.capacity = capacity
  }

  deinit {
    unsafe base.deallocate()
  }

  /// Makes room for one instruction.
  @inline(__always)
  mutating func reserve() {
    if count &+ Self.instructionLimit > capacity { grow() }
  }

  @inline(never)
  private mutating func grow() {
    let larger = capacity * 2 + Self.instructionLimit
    let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    unsafe memory.copyMemory(from: base, byteCount: count)
    unsafe base.deallocate()
    unsafe base = memory
    capacity = larger
  }

  /// Appends an integer in little-endian order, within what was reserved.
  @inline(__always)
  mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: count, as: Value.self)
    count &+= MemoryLayout<Value>.size
  }

  /// Replaces a byte that was written.
  mutating func patch(_ value: Int8, at offset: Int) {
    precondition(offset >= 0 && offset < count)
    unsafe base.storeBytes(of: value, toByteOffset: offset, as: Int8.self)
  }

  /// Replaces four bytes that were written.
  mutating func patch(_ value: Int32, at offset: Int) {
    precondition(offset >= 0 && offset <= count - 4)
    unsafe base.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Int32.self)
  }

  /// Shows the bytes.
  func withBytes(_ body: (RawSpan) -> Void) {
    let bytes = unsafe UnsafeRawBufferPointer(start: base, count: count)
    body(unsafe bytes.bytes)
  }

  /// A copy of the bytes.
  var bytes: [UInt8] { unsafe Array(UnsafeRawBufferPointer(start: base, count: count)) }
}
