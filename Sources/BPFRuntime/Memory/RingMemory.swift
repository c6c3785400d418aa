// UNSAFE. Owned memory of a ring, the data of which is mapped twice.
//
// Invariant: the mapping has `controlByteCount + 2 * dataByteCount` bytes from `init` to `deinit`,
// and whoever hands out addresses into it keeps the owner alive.

import CPlatform

/// Memory laid out as Linux maps a ring buffer for user space: a page that the consumer writes, a
/// page that producers write, then the data, and the data once more, so that a record which begins
/// near the end is in one piece.
@safe
struct RingMemory: ~Copyable, @unchecked Sendable {
  // Sendable: only addresses are handed out; what is stored behind them has its own rules.

  private let base: UnsafeMutableRawPointer
  /// Bytes of the data, a power of two.
  let dataByteCount: UInt64
  /// Bytes in front of the data.
  let controlByteCount: UInt64

  /// Bytes of a page of this system.
  static let pageByteCount = switchyard_page_size()

  /// Maps zeroed memory; untouched pages cost nothing.
  ///
  /// - Throws: ``LinuxError/noMemory``.
  init(dataByteCount: UInt64) throws(LinuxError) {
    var memory: UnsafeMutableRawPointer?
    let control = 2 * Self.pageByteCount
    guard unsafe switchyard_map_ring(control, dataByteCount, &memory) == 0,
      let memory = unsafe memory
    else { throw .noMemory }
    unsafe base = memory
    self.dataByteCount = dataByteCount
    controlByteCount = control
  }

  deinit {
    unsafe switchyard_unmap_ring(controlByteCount, dataByteCount, base)
  }

  /// The address of the consumer's page.
  var consumerPage: UInt64 { unsafe UInt64(UInt(bitPattern: base)) }
  /// The address of the producers' page.
  var producerPage: UInt64 { consumerPage &+ controlByteCount / 2 }
  /// The address of the first byte of the data.
  var data: UInt64 { consumerPage &+ controlByteCount }
}
