package import BPFKernel

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The consumer of a ring buffer that lives in Linux.
package final class KernelRing {
  private let consumer: UnsafeMutableRawPointer
  private let producer: UnsafeMutableRawPointer
  private let byteCount: Int
  private let map: KernelMap

  /// Maps the pages of a ring buffer; `nil` when the kernel does not let us.
  package init?(_ map: KernelMap) {
    self.map = map
    byteCount = Int(map.shape.maxEntries)
    let page = 4096
    let descriptor = map.descriptor.rawValue
    guard let consumer = mmap(nil, page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      consumer != MAP_FAILED,
      let producer = mmap(
        nil, page + 2 * byteCount, PROT_READ, MAP_SHARED, descriptor, off_t(page)),
      producer != MAP_FAILED
    else { return nil }
    self.consumer = consumer
    self.producer = producer
  }

  deinit {
    munmap(consumer, 4096)
    munmap(producer, 4096 + 2 * byteCount)
  }

  /// What is in the ring, headers included, and takes it out.
  package func records() -> [RingRecord] {
    var position = consumer.load(as: UInt64.self)
    let end = producer.load(as: UInt64.self)
    var records: [RingRecord] = []
    while position < end {
      let header = producer + 4096 + Int(position % UInt64(byteCount))
      let length = header.load(as: UInt32.self)
      let count = Int(length & 0x3fff_ffff)
      records.append(
        RingRecord(
          length: length, page: header.load(fromByteOffset: 4, as: UInt32.self),
          bytes: Array(UnsafeRawBufferPointer(start: header + 8, count: count))))
      position += UInt64(count + 15) & ~7
    }
    consumer.storeBytes(of: position, as: UInt64.self)
    return records
  }
}

/// A record of a ring buffer.
public struct RingRecord: Hashable, Sendable {
  /// The first word of its header.
  public var length: UInt32
  /// The second one.
  public var page: UInt32
  /// The record.
  public var bytes: [UInt8]
}
