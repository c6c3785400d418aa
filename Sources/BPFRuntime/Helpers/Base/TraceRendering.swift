/// Fills the arguments into a format, by the rules of Linux's `bpf_trace_printk` (measured on
/// 6.18): `%d %i %u %x %X` with `l` or `ll`, `%c`, `%s`, `%p` and some of its kinds, with a width
/// and the flags `0`, `-`, `+` and blank. No precision, no `*`, no `#`.
struct TraceRendering {
  /// What came out.
  private(set) var output: TraceText
  private let arguments: [UInt64]
  private let readBytes: (_ address: UInt64, _ limit: Int) -> [UInt8]
  private var used = 0
  /// Room for the arguments, strings included; Linux copies them before it prints.
  private var room = 512

  /// Prepares for one format.
  ///
  /// - Parameters:
  ///   - byteCount: Bytes of the buffer to print into, with a terminator.
  ///   - readBytes: The bytes at an address as far as they may be read.
  init(
    arguments: [UInt64], byteCount: Int = 1024,
    readBytes: @escaping (_ address: UInt64, _ limit: Int) -> [UInt8]
  ) {
    self.arguments = arguments
    output = TraceText(byteCount: byteCount)
    self.readBytes = readBytes
  }

  /// Renders a format without its terminator.
  ///
  /// - Throws: EINVAL for a format that Linux refuses, ENOSPC for strings that are too long.
  mutating func render(_ format: [UInt8]) throws(LinuxError) {
    var cursor = FormatCursor(format)
    while let byte = cursor.next() {
      // Bytes of UTF-8 sequences are let through.
      guard byte >= 128 || (32..<127).contains(byte) || byte.isKernelSpace else { throw .invalid }
      if byte != UInt8(ascii: "%") {
        output.append(byte)
      } else if cursor.take("%") {
        output.append(byte)
      } else {
        guard used < arguments.count else { throw .invalid }
        try convert(&cursor, PrintField(&cursor), arguments[used])
        used += 1
      }
    }
  }

  private mutating func convert(
    _ cursor: inout FormatCursor, _ field: PrintField, _ value: UInt64
  ) throws(LinuxError) {
    if cursor.take("p") { return try pointer(&cursor, field, value) }
    if cursor.take("s") {
      guard cursor.isAtEndOfWord else { throw .invalid }
      return output.append(try string(at: value), field)
    }
    if cursor.take("c") {
      try reserve(1)
      return output.append([UInt8(truncatingIfNeeded: value)], field)
    }
    let isLong = cursor.take("l")
    if isLong { _ = cursor.take("l") }
    try reserve(isLong ? 8 : 4)
    let signed = isLong ? Int64(bitPattern: value) : Int64(Int32(truncatingIfNeeded: value))
    let unsigned = isLong ? value : value & 0xffff_ffff
    switch cursor.next() {
    case UInt8(ascii: "d"), UInt8(ascii: "i"):
      output.append(signed.magnitude, radix: 10, field, sign: field.sign(isNegative: signed < 0))
    case UInt8(ascii: "u"): output.append(unsigned, radix: 10, field)
    case UInt8(ascii: "x"): output.append(unsigned, radix: 16, field)
    case UInt8(ascii: "X"): output.append(unsigned, radix: 16, field, isUppercase: true)
    default: throw .invalid
    }
  }

  private mutating func reserve(_ byteCount: Int) throws(LinuxError) {
    if byteCount > 1 { room &= ~3 }
    guard room >= byteCount else { throw .noSpace }
    room -= byteCount
  }

  /// The string at an address; an empty one where nothing may be read.
  private mutating func string(at address: UInt64) throws(LinuxError) -> [UInt8] {
    guard room > 0 else { throw .noSpace }
    let bytes = Array(readBytes(address, room - 1).prefix { $0 != 0 })
    room -= bytes.count + 1
    return bytes
  }

  // MARK: Pointers

  private mutating func pointer(
    _ cursor: inout FormatCursor, _ field: PrintField, _ value: UInt64
  ) throws(LinuxError) {
    if cursor.isAtEndOfWord {
      try reserve(8)
      output.append(address: Self.disguised(value), field)
      return
    }
    switch cursor.next() {
    case UInt8(ascii: "K"):
      try reserve(8)
      output.append(address: Self.disguised(value), field)
    case UInt8(ascii: "x"):
      try reserve(8)
      output.append(address: value, field)
    case UInt8(ascii: "s"), UInt8(ascii: "S"):
      // The name of the function there, which there is none here.
      try reserve(8)
      output.append(Array("0x\(String(value, radix: 16))".utf8), field)
    case UInt8(ascii: "B"):
      try reserve(8)
      output.append(prepared: Array("0x\(String(value, radix: 16))".utf8))
    case UInt8(ascii: "k"):
      guard cursor.take("s"), cursor.isAtEndOfWord else { throw .invalid }
      output.append(prepared: try string(at: value))
    case UInt8(ascii: "u"):
      guard cursor.take("s"), cursor.isAtEndOfWord else { throw .invalid }
      // The memory of a process, which no program of ours has.
      try reserve(1)
    case UInt8(ascii: "i"): try internetAddress(&cursor, value, isPlain: true)
    case UInt8(ascii: "I"): try internetAddress(&cursor, value, isPlain: false)
    default: throw .invalid
    }
    // What stands right behind a kind is taken for more of it, as in Linux.
    cursor.skipWord()
  }

  private mutating func internetAddress(
    _ cursor: inout FormatCursor, _ address: UInt64, isPlain: Bool
  ) throws(LinuxError) {
    let count: Int
    if cursor.take("4") {
      count = 4
    } else if cursor.take("6") {
      count = 16
    } else {
      throw .invalid
    }
    var bytes = readBytes(address, count)
    if bytes.count < count { bytes = [UInt8](repeating: 0, count: count) }
    let text = count == 4 ? dotted(bytes, isPlain) : coloned(bytes, isPlain)
    try reserve(1 + text.utf8.count)
    output.append(prepared: Array(text.utf8))
  }

  private func dotted(_ bytes: [UInt8], _ isPlain: Bool) -> String {
    bytes.map { byte in
      let digits = String(byte)
      return isPlain ? String(repeating: "0", count: 3 - digits.count) + digits : digits
    }.joined(separator: ".")
  }

  private func coloned(_ bytes: [UInt8], _ isPlain: Bool) -> String {
    stride(from: 0, to: bytes.count, by: 2).map { index in
      let digits = String(UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1]), radix: 16)
      return String(repeating: "0", count: 4 - digits.count) + digits
    }.joined(separator: isPlain ? "" : ":")
  }

  /// Addresses of the host do not leave it: a number of 32 bits that is the same for the same one.
  private static func disguised(_ address: UInt64) -> UInt64 {
    guard address != 0, address < UInt64.max - 4095 else { return address }
    var hasher = Hasher()
    hasher.combine(address)
    return UInt64(UInt32(truncatingIfNeeded: hasher.finalize()))
  }
}

/// The flags and the width of a conversion.
struct PrintField {
  var isLeftAligned = false
  var isZeroPadded = false
  var showsPlus = false
  var showsBlank = false
  var width = 0

  /// The widest field that Linux makes.
  private static let widthLimit = (1 << 23) - 1

  /// Neither flags nor width.
  init() {}

  /// Reads flags and width.
  fileprivate init(_ cursor: inout FormatCursor) {
    flags: while true {
      if cursor.take("0") {
        isZeroPadded = true
      } else if cursor.take("-") {
        isLeftAligned = true
      } else if cursor.take("+") {
        showsPlus = true
      } else if cursor.take(" ") {
        showsBlank = true
      } else {
        break flags
      }
    }
    while let digit = cursor.takeDigit() { width = min(width * 10 + digit, Self.widthLimit) }
    if isLeftAligned { isZeroPadded = false }
  }

  fileprivate func sign(isNegative: Bool) -> UInt8? {
    if isNegative { return UInt8(ascii: "-") }
    return showsPlus ? UInt8(ascii: "+") : showsBlank ? UInt8(ascii: " ") : nil
  }
}

/// Where the reader of a format is.
private struct FormatCursor {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> UInt8? {
    guard position < bytes.count else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  mutating func takeDigit() -> Int? {
    guard position < bytes.count, (48...57).contains(bytes[position]) else { return nil }
    position += 1
    return Int(bytes[position - 1]) - 48
  }

  /// Whether the format ends here or goes on with a blank or punctuation.
  var isAtEndOfWord: Bool {
    guard position < bytes.count else { return true }
    return bytes[position].isKernelSpace || bytes[position].isKernelPunctuation
  }

  mutating func skipWord() {
    while position < bytes.count, bytes[position].isKernelAlphanumeric { position += 1 }
  }
}
