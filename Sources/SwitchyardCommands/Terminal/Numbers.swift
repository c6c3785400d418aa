// Numbers as people read them. Nothing here depends on a locale: scripts compare text too.

extension BinaryInteger {
  /// With commas between thousands: `1,234,567`.
  var grouped: String {
    let digits = Array(String(magnitude))
    var text = self < 0 ? "-" : ""
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }

  /// `1 packet`, `2 packets`.
  func counted(_ noun: String) -> String {
    "\(grouped) \(noun)\(self == 1 ? "" : "s")"
  }
}

extension Double {
  /// With one digit behind the point.
  var oneDecimal: String {
    let tenths = Int((self * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
  }
}

extension Duration {
  /// All of it in nanoseconds.
  var nanoseconds: Int {
    let (seconds, attoseconds) = components
    return Int(truncatingIfNeeded: seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
  }

  /// In the unit that leaves the fewest digits: `41.2 us`.
  var readable: String {
    let value = Double(nanoseconds)
    switch nanoseconds {
    case ..<1_000: return "\(nanoseconds) ns"
    case ..<1_000_000: return "\((value / 1e3).oneDecimal) us"
    case ..<1_000_000_000: return "\((value / 1e6).oneDecimal) ms"
    default: return "\((value / 1e9).oneDecimal) s"
    }
  }
}

extension UInt8 {
  /// Two digits of hexadecimal.
  var hexadecimal: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}

/// Reads bytes out of hexadecimal digits: two per byte, with any white space or colons between
/// bytes; `nil` for anything else.
func bytes(hexadecimal text: some Sequence<UInt8>) -> [UInt8]? {
  var bytes: [UInt8] = []
  var high: UInt8?
  for character in text {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      let digit = character < 0x40 ? character &- 0x30 : (character | 0x20) &- 0x57
      if let first = high {
        bytes.append(first << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    case 0x20, 0x09...0x0d, UInt8(ascii: ":"):
      guard high == nil else { return nil }
    default: return nil
    }
  }
  return high == nil ? bytes : nil
}
