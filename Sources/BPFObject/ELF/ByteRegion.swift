/// A part of the file with checked reads: the only way this module looks at input.
///
/// Offsets given to the functions count from the start of the region; offsets in errors count from
/// the start of the file.
struct ByteRegion: Sendable {
  /// The whole file.
  let file: [UInt8]
  /// Which bytes of it belong to the region; always inside the file.
  let range: Range<Int>
  /// What errors call the region.
  let name: String?

  /// Longest string that is read: names beyond it are an error, source lines are cut.
  static let longestString = 1024

  /// The whole file.
  init(file: [UInt8]) {
    self.file = file
    range = 0..<file.count
    name = nil
  }

  private init(file: [UInt8], range: Range<Int>, name: String?) {
    self.file = file
    self.range = range
    self.name = name
  }

  var count: Int { range.count }

  /// The bytes themselves.
  var bytes: ArraySlice<UInt8> { file[range] }

  /// Where in the file a place of the region is; saturates, so that errors can name any place.
  func fileOffset(_ offset: Int) -> Int {
    let (sum, overflow) = range.lowerBound.addingReportingOverflow(offset)
    return overflow ? Int.max : sum
  }

  /// A part of the region.
  func part(at offset: Int, count: Int, name: String? = nil) throws(ObjectFileError) -> ByteRegion {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
      throw truncated("\(count) bytes", at: offset, name: name)
    }
    let start = range.lowerBound + offset
    return ByteRegion(file: file, range: start..<start + count, name: name ?? self.name)
  }

  func u8(at offset: Int) throws(ObjectFileError) -> UInt8 {
    guard offset >= 0, offset < count else { throw truncated("1 byte", at: offset) }
    return file[range.lowerBound + offset]
  }

  func u16(at offset: Int) throws(ObjectFileError) -> UInt16 {
    let start = try check(offset, 2)
    return UInt16(file[start]) | UInt16(file[start + 1]) << 8
  }

  func u32(at offset: Int) throws(ObjectFileError) -> UInt32 {
    UInt32(truncatingIfNeeded: try word(at: check(offset, 4), count: 4))
  }

  func u64(at offset: Int) throws(ObjectFileError) -> UInt64 {
    word(at: try check(offset, 8), count: 8)
  }

  /// A zero-terminated string; invalid UTF-8 is replaced.
  func string(at offset: Int, cut: Bool = false) throws(ObjectFileError) -> String {
    guard offset >= 0, offset < count else { throw truncated("a string", at: offset) }
    let start = range.lowerBound + offset
    let limit = min(range.upperBound, start + Self.longestString)
    var end = start
    while end < limit, file[end] != 0 { end += 1 }
    guard end < limit || cut else {
      throw ObjectFileError(
        limit == range.upperBound ? .truncated : .malformed,
        "a string without an end or longer than \(Self.longestString) bytes",
        offset: start, section: name)
    }
    return String(decoding: file[start..<end], as: UTF8.self)
  }

  private func check(_ offset: Int, _ size: Int) throws(ObjectFileError) -> Int {
    guard offset >= 0, size <= count, offset <= count - size else {
      throw truncated("\(size) bytes", at: offset)
    }
    return range.lowerBound + offset
  }

  private func word(at start: Int, count: Int) -> UInt64 {
    var value: UInt64 = 0
    var index = count
    while index > 0 {
      index -= 1
      value = value << 8 | UInt64(file[start + index])
    }
    return value
  }

  private func truncated(_ what: String, at offset: Int, name: String? = nil) -> ObjectFileError {
    let place = name ?? self.name ?? "the file"
    return ObjectFileError(
      .truncated, "reading \(what) runs past the end of \(place)", offset: fileOffset(offset),
      section: name ?? self.name)
  }
}

extension Int {
  /// A size or offset from the file; what no file can have becomes the largest number, which every
  /// later range check refuses.
  init(hostile value: UInt64) {
    self = Int(clamping: value)
  }
}
