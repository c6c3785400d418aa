package import BPFKernel
import CPlatform

#if canImport(Glibc)
import Glibc

/// The buffers of a PERF_EVENT_ARRAY that lives in Linux, one per CPU.
package final class KernelPerfEvents {
  private typealias SystemCall =
    @convention(c) (Int, UnsafeRawPointer, Int, Int, Int, UInt) -> Int

  private static let dataByteCount = 65536
  private var descriptors: [Int32] = []
  private var pages: [UnsafeMutableRawPointer] = []
  private let affinity = switchyard_affinity()

  /// Opens an event for output on each CPU and stores it in the slot of its number.
  ///
  /// Only the buffer of the CPU that runs a program takes its samples, so until this object goes
  /// the thread stays on the first one.
  package init?(_ map: KernelMap) {
    _ = switchyard_set_affinity(1)
    guard let symbol = dlsym(nil, "syscall") else { return nil }
    let systemCall = unsafeBitCast(symbol, to: SystemCall.self)
    // struct perf_event_attr: software event 10 (output), every sample with its raw data.
    var attribute = [UInt64](repeating: 0, count: 16)
    attribute[0] = 1 | 112 << 32
    attribute[1] = 10
    attribute[2] = 1
    attribute[3] = 1 << 10
    attribute[6] = 1
    for cpu in 0..<min(Kernel.possibleCPUCount, Int(map.shape.maxEntries)) {
      let descriptor = Int32(systemCall(298, &attribute, -1, cpu, -1, 8))
      guard descriptor >= 0 else { continue }
      descriptors.append(descriptor)
      let size = 4096 + Self.dataByteCount
      guard let page = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
        page != MAP_FAILED
      else { return nil }
      pages.append(page)
      guard (try? map.update(littleEndian(UInt32(cpu)), littleEndian(UInt32(descriptor)))) != nil
      else { return nil }
    }
  }

  deinit {
    _ = switchyard_set_affinity(affinity)
    for page in pages { munmap(page, 4096 + Self.dataByteCount) }
    for descriptor in descriptors { close(descriptor) }
  }

  /// The samples, with the zeros that Linux fills them up with, and takes them out.
  package func samples() -> [[UInt8]] {
    pages.flatMap { page -> [[UInt8]] in
      var tail = page.load(fromByteOffset: 1032, as: UInt64.self)
      let head = page.load(fromByteOffset: 1024, as: UInt64.self)
      var samples: [[UInt8]] = []
      func byte(_ position: UInt64) -> UInt8 {
        page.load(fromByteOffset: 4096 + Int(position % UInt64(Self.dataByteCount)), as: UInt8.self)
      }
      func number(_ position: UInt64, _ count: UInt64) -> UInt64 {
        (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(byte(position + $1)) }
      }
      while tail < head {
        // Kind 9 is a sample: its size and its bytes follow the header.
        if number(tail, 4) == 9 {
          let count = number(tail + 8, 4)
          samples.append((0..<count).map { byte(tail + 12 + $0) })
        }
        tail += number(tail + 6, 2)
      }
      page.storeBytes(of: tail, toByteOffset: 1032, as: UInt64.self)
      return samples
    }
  }
}
#endif
