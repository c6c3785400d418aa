// UNSAFE. Owned blocks of raw memory with addresses that do not move.
//
// Invariant: the block lives as long as its owner; whoever hands out addresses into it keeps the
// owner alive (programs hold their maps, a CPU holds its stack).

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A block of zeroed memory that programs can hold pointers into.
///
/// Large blocks come as fresh zero pages from the system and cost nothing until they are touched.
@safe
package struct StableMemory: ~Copyable, @unchecked Sendable {
  // Sendable: the owner only hands out the address; what is stored behind it has its own rules.

  /// The first byte, aligned to 64 bytes.
  package let base: UnsafeMutableRawPointer
  /// Bytes in the block.
  package let byteCount: Int

  /// Cache lines do not straddle blocks, so neighbours never share one.
  package static let alignment = 64

  /// Allocates zeroed memory.
  ///
  /// - Throws: ``LinuxError/noMemory`` when the system has none.
  package init(byteCount: Int) throws(LinuxError) {
    let rounded = (max(byteCount, 1) + Self.alignment - 1) & ~(Self.alignment - 1)
    let limit = Int.max / 2
    guard byteCount < limit, let block = unsafe calloc(1, rounded + Self.alignment) else {
      throw .noMemory
    }
    unsafe allocation = block
    let address = (UInt(bitPattern: block) + UInt(Self.alignment) - 1) & ~UInt(Self.alignment - 1)
    unsafe base = block + Int(address &- UInt(bitPattern: block))
    self.byteCount = byteCount
  }

  private let allocation: UnsafeMutableRawPointer

  /// The address of the first byte.
  package var address: UInt64 { unsafe UInt64(UInt(bitPattern: base)) }

  /// The bytes at an offset, copied out; traps when they are not inside.
  package func bytes(at offset: Int, count: Int) -> [UInt8] {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount - count)
    return unsafe Array(UnsafeRawBufferPointer(start: base + offset, count: count))
  }

  /// Copies bytes in at an offset; traps when they do not fit.
  package func write(_ bytes: [UInt8], at offset: Int) {
    precondition(offset >= 0 && offset <= byteCount - bytes.count)
    unsafe bytes.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (base + offset).copyMemory(from: start, byteCount: source.count)
    }
  }

  /// Sets bytes to zero; traps when they are not inside.
  package func clear(at offset: Int, count: Int) {
    precondition(offset >= 0 && count >= 0 && offset <= byteCount - count)
    unsafe (base + offset).initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  deinit {
    unsafe free(allocation)
  }
}
