/// One run of a batch, as compiled code reads and answers it: words of eight bytes, of which the
/// last is not used. r2 is 0: what comes in batches has packets.
package enum BatchItem {
  /// Bytes of an item.
  package static let byteCount: Int32 = 32
  /// Offset of r1.
  package static let contextOffset: Int32 = 0
  /// Offset of the packet descriptor's address.
  package static let packetOffset: Int32 = 8
  /// Offset of r0 after the run.
  package static let resultOffset: Int32 = 16
}
