// UNSAFE. Loads, stores and atomic updates at addresses that come out of a program's registers.
//
// Invariant: whoever calls these has made sure that the bytes belong to the program, by checking
// (checked runs) or by proof (a verified program). Addresses need no alignment for plain accesses;
// atomic ones on x86-64 and arm64 need natural alignment, which callers check.

import Synchronization

/// Plain and atomic access to the memory that programs see.
enum GuestMemory {
  /// Reads an integer in host byte order.
  @inline(__always)
  static func load<Value: FixedWidthInteger>(_ address: UInt64, as type: Value.Type) -> Value {
    let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
    return unsafe pointer.loadUnaligned(as: Value.self)
  }

  /// Writes the low bytes of `value` in host byte order.
  @inline(__always)
  static func store<Value: FixedWidthInteger>(
    _ address: UInt64, _ value: UInt64, as type: Value.Type
  ) {
    let pointer = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
    unsafe pointer.storeBytes(of: Value(truncatingIfNeeded: value), as: Value.self)
  }

  /// The naturally aligned four bytes at an address as an atomic.
  @inline(__always)
  static func word(_ address: UInt64) -> UnsafeMutablePointer<Atomic<UInt32>> {
    let pointer = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
    return unsafe pointer.assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// The naturally aligned eight bytes at an address as an atomic.
  @inline(__always)
  static func doubleWord(_ address: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
    let pointer = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)).unsafelyUnwrapped
    return unsafe pointer.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  /// The address of a pointer.
  @inline(__always)
  static func address(_ pointer: UnsafeRawPointer) -> UInt64 {
    UInt64(UInt(bitPattern: pointer))
  }

  /// A raw pointer to an address, for helpers; `nil` for address 0.
  @inline(__always)
  static func pointer(_ address: UInt64) -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))
  }
}

extension GuestMemory {
  /// A copy of bytes; none at address 0.
  static func bytes(at address: UInt64, count: Int) -> [UInt8] {
    guard count > 0, let start = unsafe pointer(address) else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
  }

  /// A copy of the bytes of a text before its terminator; `nil` when none of them is zero.
  static func text(at address: UInt64, count: Int) -> [UInt8]? {
    for offset in 0..<max(count, 0)
    where load(address &+ UInt64(offset), as: UInt8.self) == 0 {
      return bytes(at: address, count: offset)
    }
    return nil
  }

  /// Copies bytes; the blocks may overlap.
  static func move(_ source: UInt64, to destination: UInt64, count: Int) {
    guard count > 0, let from = unsafe pointer(source), let to = unsafe pointer(destination) else {
      return
    }
    unsafe to.copyMemory(from: from, byteCount: count)
  }

  /// Writes bytes.
  static func write(_ bytes: [UInt8], to address: UInt64) {
    guard !bytes.isEmpty, let target = unsafe pointer(address) else { return }
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe target.copyMemory(from: start, byteCount: source.count)
    }
  }

  /// Sets bytes to zero.
  static func clear(_ address: UInt64, count: Int) {
    guard count > 0, let start = unsafe pointer(address) else { return }
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }
}
