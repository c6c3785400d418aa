/// Memory that one bpf(2) call reads and writes: inputs are copied in, outputs copied out.
///
/// SAFETY: the allocation is made once and never moves, so addresses taken by `place` and `reserve`
/// hold until the end of the value's life; every region lies inside it because `reserve` checks.
@safe
struct Scratch: ~Copyable {
  /// A part of the memory.
  struct Region {
    /// What bpf(2) is told; zero, NULL, for an empty region.
    fileprivate(set) var address: UInt64
    fileprivate var offset: Int
    fileprivate var count: Int
  }

  private let base: UnsafeMutableRawPointer
  private let capacity: Int
  private var used = 0

  /// Room for the regions that follow: their byte counts, each rounded up to eight.
  init(byteCounts: [Int]) {
    capacity = byteCounts.reduce(0) { $0 + Self.rounded($1) }
    unsafe base = .allocate(byteCount: max(capacity, 8), alignment: 8)
  }

  deinit {
    unsafe base.deallocate()
  }

  /// A zeroed region for the kernel to write to.
  mutating func reserve(_ count: Int) -> Region {
    guard count > 0 else { return Region(address: 0, offset: 0, count: 0) }
    precondition(count <= capacity - used, "a region was not announced")
    let start = unsafe base + used
    unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: count)
    defer { used += Self.rounded(count) }
    return Region(
      address: UInt64(UInt(bitPattern: start)), offset: used, count: count)
  }

  /// A region with these bytes.
  mutating func place(_ bytes: [UInt8]) -> Region {
    let region = reserve(bytes.count)
    let target = unsafe UnsafeMutableRawBufferPointer(
      start: base + region.offset, count: region.count)
    unsafe target.copyBytes(from: bytes)
    return region
  }

  /// A region with a C string.
  mutating func place(text: String) -> Region {
    place(Array(text.utf8) + [0])
  }

  /// The first `count` bytes of a region, all of it by default.
  func bytes(of region: Region, count: Int? = nil) -> [UInt8] {
    let count = min(max(count ?? region.count, 0), region.count)
    return unsafe [UInt8](UnsafeRawBufferPointer(start: base + region.offset, count: count))
  }

  /// The C string at the start of a region.
  func text(of region: Region) -> String {
    String(decoding: bytes(of: region).prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func rounded(_ count: Int) -> Int { (count + 7) & ~7 }
}
