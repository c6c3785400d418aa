/// A line being printed: what fits, and how long it would be.
struct TraceText {
  /// Bytes that fit into Linux's buffer.
  private(set) var bytes: [UInt8] = []
  /// Bytes of the whole line.
  private(set) var count = 0

  /// Bytes of the buffer, the terminator's included.
  private let byteCount: Int
  private var capacity: Int { max(byteCount - 1, 0) }

  /// Begins a line; what Linux's buffer for printing takes unless told otherwise.
  init(byteCount: Int = 1024) {
    self.byteCount = byteCount
  }

  /// Text that Linux makes before it prints the rest: it leaves it out, and does not count it, once
  /// the buffer is full.
  mutating func append(prepared text: [UInt8]) {
    guard count < byteCount else { return }
    for byte in text { append(byte) }
  }

  mutating func append(_ byte: UInt8) {
    count += 1
    if bytes.count < capacity { bytes.append(byte) }
  }

  private mutating func append(_ byte: Unicode.Scalar, times: Int) {
    guard times > 0 else { return }
    count += times
    let room = min(times, capacity - bytes.count)
    bytes.append(contentsOf: repeatElement(UInt8(ascii: byte), count: room))
  }

  /// Text in a field, padded with blanks.
  mutating func append(_ text: [UInt8], _ field: PrintField) {
    let padding = field.width - text.count
    if !field.isLeftAligned { append(" ", times: padding) }
    for byte in text { append(byte) }
    if field.isLeftAligned { append(" ", times: padding) }
  }

  /// A number in a field.
  mutating func append(
    _ value: UInt64, radix: Int, _ field: PrintField, sign: UInt8? = nil, isUppercase: Bool = false
  ) {
    let digits = Array(String(value, radix: radix, uppercase: isUppercase).utf8)
    let sign = sign.map { [$0] } ?? []
    let zeros = field.isZeroPadded ? max(0, field.width - digits.count - sign.count) : 0
    guard zeros > 0 else { return append(sign + digits, field) }
    for byte in sign { append(byte) }
    append("0", times: zeros)
    for byte in digits { append(byte) }
  }

  /// An address: sixteen digits unless the field has a width of its own.
  mutating func append(address: UInt64, _ field: PrintField) {
    var field = field
    if field.width == 0 {
      field.width = 16
      field.isZeroPadded = true
    }
    append(address, radix: 16, field)
  }
}
