/// The text of a formatted print, as Linux checks it before a program runs.
struct FormatText {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  private func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

  private static func ends(_ byte: UInt8) -> Bool {
    byte == 0 || isSpace(byte) || isPunctuation(byte)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (9...13).contains(byte) }

  private static func isPunctuation(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x21...0x2f, 0x3a...0x40, 0x5b...0x60, 0x7b...0x7e: true
    default: false
    }
  }

  private func isOne(_ index: Int, of letters: String) -> Bool {
    byte(index) != 0 && letters.utf8.contains(byte(index))
  }

  /// Whether every conversion is known and has a value.
  func fits(valueCount: Int) -> Bool {
    var index = 0
    var used = 0
    while index < bytes.count {
      let current = bytes[index]
      guard (0x20...0x7e).contains(current) || Self.isSpace(current) else { return false }
      index += 1
      guard current == UInt8(ascii: "%") else { continue }
      if isOne(index, of: "%") {
        index += 1
        continue
      }
      guard used < valueCount, let end = conversion(at: index) else { return false }
      used += 1
      index = end
    }
    return true
  }

  /// The end of the conversion that starts behind a percent sign; `nil` if Linux knows none such.
  private func conversion(at start: Int) -> Int? {
    var index = start
    while isOne(index, of: "0+- ") { index += 1 }
    while isOne(index, of: "0123456789") { index += 1 }
    if isOne(index, of: "c") { return index + 1 }
    if isOne(index, of: "s") { return Self.ends(byte(index + 1)) ? index + 1 : nil }
    if isOne(index, of: "p") { return pointer(at: index + 1) }
    for _ in 0..<2 where isOne(index, of: "l") { index += 1 }
    return isOne(index, of: "diuxX") ? index + 1 : nil
  }

  private func pointer(at index: Int) -> Int? {
    if isOne(index, of: "ku"), isOne(index + 1, of: "s") {
      return Self.ends(byte(index + 2)) ? index + 2 : nil
    }
    if Self.ends(byte(index)) { return index }
    if isOne(index, of: "KxsSB") { return index + 1 }
    return isOne(index, of: "iI") && isOne(index + 1, of: "46") ? index + 2 : nil
  }
}
