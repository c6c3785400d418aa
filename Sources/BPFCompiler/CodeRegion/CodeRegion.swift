import BPFRuntime
import Synchronization
import X86Assembler

/// Where the code of all programs of a compiler lives, one image behind the other.
///
/// An image on a page of its own would start in the same set of the instruction cache as every
/// other one, and a chain of 34 would evict itself (docs/compiler.md has the numbers).
package final class CodeRegion: Sendable {
  private let mapping: CodeMapping
  private let free: Mutex<FreeRanges>
  /// The code that all programs share.
  package let entryCode: EntryCode

  /// Images start at multiples of this, and so do loops in them.
  static let granule = 32
  /// Bytes in front of an entry; the last four are the program's number.
  static let headerByteCount = 16

  /// Maps a region. Only what is used takes memory.
  ///
  /// `nil` when the system does not allow executable memory.
  package init?(byteCount: Int = 64 << 20) {
    // Close to the runtime's functions, so that helpers are called directly.
    guard let mapping = CodeMapping(byteCount: byteCount, near: CompiledServices.tailCall),
      let (code, parts) = try? EntryCode.emit(at: mapping.address)
    else { return nil }
    var ranges = FreeRanges(byteCount: byteCount)
    guard ranges.take(Self.rounded(code.count)) != nil else { return nil }
    mapping.write(code, at: 0)
    self.mapping = mapping
    free = Mutex(ranges)
    entryCode = parts
  }

  private static func rounded(_ byteCount: Int) -> Int { (byteCount + granule - 1) & -granule }

  /// Addresses of the region.
  package var addresses: Range<UInt64> {
    mapping.address..<mapping.address &+ UInt64(mapping.byteCount)
  }

  /// Bytes that no image takes.
  package var freeByteCount: Int { free.withLock { $0.byteCount } }

  /// Puts a program's code into the region.
  ///
  /// `nil` when there is no room for it.
  func place(
    _ lowered: consuming LoweredCode, programID: UInt32
  ) throws(Encoder.PlacementError) -> CodeBlock? {
    let usesPreserved = lowered.usesPreserved
    let isBare = lowered.isBare
    let origins = lowered.origins
    let code = lowered.encoder
    let byteCount = Self.headerByteCount + code.count
    guard let range = free.withLock({ $0.take(Self.rounded(byteCount)) }) else { return nil }
    let entry = mapping.address &+ UInt64(range.lowerBound + Self.headerByteCount)
    do throws(Encoder.PlacementError) {
      try code.finish(at: entry) { bytes in
        mapping.write(bytes, at: range.lowerBound + Self.headerByteCount, number: programID)
      }
    } catch {
      release(range)
      throw error
    }
    return CodeBlock(
      self, range, entry: entry, codeByteCount: byteCount - Self.headerByteCount,
      usesPreserved: usesPreserved, isBare: isBare, origins: origins)
  }

  fileprivate func release(_ range: Range<Int>) {
    mapping.erase(range)
    free.withLock { $0.give(range) }
  }

  fileprivate func bytes(_ range: Range<Int>) -> [UInt8] { mapping.bytes(range) }
}

/// A program's place in a region; its end gives the place back.
///
/// A program outlives its last run (the epochs see to that), so nobody executes the bytes then.
final class CodeBlock: CompiledCode {
  private let region: CodeRegion
  private let range: Range<Int>
  private let codeByteCount: Int
  package let entry: UInt64
  package let usesPreserved: Bool
  package let isBare: Bool
  package let origins: [CodeOrigin]

  fileprivate init(
    _ region: CodeRegion, _ range: Range<Int>, entry: UInt64, codeByteCount: Int,
    usesPreserved: Bool, isBare: Bool, origins: [CodeOrigin]
  ) {
    self.isBare = isBare
    self.usesPreserved = usesPreserved
    self.origins = origins
    self.region = region
    self.range = range
    self.entry = entry
    self.codeByteCount = codeByteCount
  }

  deinit {
    region.release(range)
  }

  package var bytes: [UInt8] {
    let start = range.lowerBound + CodeRegion.headerByteCount
    return region.bytes(start..<start + codeByteCount)
  }
}
