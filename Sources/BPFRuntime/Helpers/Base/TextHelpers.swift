extension Helper {
  /// `bpf_strtol`: reads a signed number from text; returns the bytes it took.
  ///
  /// EINVAL for no digits or a base that is not 0, 8, 10 or 16, ERANGE for a number beyond 64
  /// bits; the result is 0 then.
  public static let parseSigned = Helper(
    number: 105, name: "strtol",
    arguments: [.readableMemory(), .size(), .anything, .fixedMemory(byteCount: 8)]
  ) { text, size, flags, result, _, _ in
    GuestMemory.store(result, 0, as: UInt64.self)
    return ParsedNumber.helperResult(text, size, flags) { parsed throws(LinuxError) in
      GuestMemory.store(result, UInt64(bitPattern: try parsed.signed), as: UInt64.self)
    }
  }

  /// `bpf_strtoul`: as ``parseSigned`` without a sign, which is EINVAL.
  public static let parseUnsigned = Helper(
    number: 106, name: "strtoul",
    arguments: [.readableMemory(), .size(), .anything, .fixedMemory(byteCount: 8)]
  ) { text, size, flags, result, _, _ in
    GuestMemory.store(result, 0, as: UInt64.self)
    return ParsedNumber.helperResult(text, size, flags) { parsed throws(LinuxError) in
      guard !parsed.isNegative else { throw .invalid }
      GuestMemory.store(result, parsed.magnitude, as: UInt64.self)
    }
  }

  /// `bpf_strncmp`: -1, 0 or 1 for at most `size` bytes of the first string against the second,
  /// which ends with a zero byte.
  public static let compareStrings = Helper(
    number: 182, name: "strncmp", arguments: [.readableMemory(), .size(), .anything]
  ) { first, size, second, _, _, cpu in
    let count = Int(size.asUInt32)
    // Nothing checks the second string's length before the call, so it is read with care.
    let other = RunningCPU(address: cpu).readableBytes(at: second, limit: count)
    for offset in 0..<count {
      let left = GuestMemory.load(first &+ UInt64(offset), as: UInt8.self)
      let right = offset < other.count ? other[offset] : 0
      if left != right { return left < right ? UInt64.max : 1 }
      if left == 0 { return 0 }
    }
    return 0
  }
}

/// A number as the kernel reads it from text.
struct ParsedNumber {
  /// Whether a minus sign stood in front.
  var isNegative = false
  /// The number without its sign.
  var magnitude: UInt64 = 0
  /// Bytes that were read.
  var byteCount = 0

  /// Digits that are looked at, with a base's prefix.
  private static let digitLimit = 63

  /// The number with its sign.
  var signed: Int64 {
    get throws(LinuxError) {
      let value = Int64(bitPattern: isNegative ? 0 &- magnitude : magnitude)
      guard isNegative ? value <= 0 : value >= 0 else { throw .outOfRange }
      return value
    }
  }

  /// Reads blanks, a minus sign, a prefix if the base asks for one, and digits; what follows does
  /// not matter.
  init(_ text: [UInt8], flags: UInt64) throws(LinuxError) {
    guard [0, 8, 10, 16].contains(flags) else { throw .invalid }
    var position = text.firstIndex { !$0.isKernelSpace } ?? text.count
    if position < text.count, text[position] == UInt8(ascii: "-") {
      isNegative = true
      position += 1
    }
    let digits = text[position...].prefix(Self.digitLimit)
    let (base, prefix) = Self.base(of: Array(digits.prefix(3)), asked: flags)
    let start = digits.startIndex + prefix
    var end = start
    while end < digits.endIndex, let digit = digits[end].digitValue, digit < base {
      let (product, overflow) = magnitude.multipliedReportingOverflow(by: base)
      let (sum, carry) = product.addingReportingOverflow(digit)
      guard !overflow, !carry else { throw .outOfRange }
      magnitude = sum
      end += 1
    }
    guard end > start else { throw .invalid }
    byteCount = end
  }

  private static func base(of text: [UInt8], asked: UInt64) -> (UInt64, prefix: Int) {
    let isHexadecimal =
      text.count > 1 && text[0] == UInt8(ascii: "0") && text[1] | 0x20 == UInt8(ascii: "x")
    switch asked {
    case 0 where isHexadecimal && text.count > 2 && text[2].digitValue != nil: return (16, 2)
    case 0: return (text.first == UInt8(ascii: "0") ? 8 : 10, 0)
    case 16: return (16, isHexadecimal ? 2 : 0)
    default: return (asked, 0)
    }
  }

  /// Reads a number out of a program's memory and hands it on.
  static func helperResult(
    _ text: UInt64, _ size: UInt64, _ flags: UInt64,
    _ store: (ParsedNumber) throws(LinuxError) -> Void
  ) -> UInt64 {
    do throws(LinuxError) {
      let bytes = GuestMemory.bytes(at: text, count: Int(size.asUInt32))
      let parsed = try ParsedNumber(bytes, flags: flags)
      try store(parsed)
      return UInt64(parsed.byteCount)
    } catch {
      return error.helperResult
    }
  }
}

extension UInt8 {
  /// The value of a digit in a base up to 16.
  fileprivate var digitValue: UInt64? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(self - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(self - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(self - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  /// Whether the kernel takes the byte for a blank: it thinks in Latin-1.
  var isKernelSpace: Bool { (9...13).contains(self) || self == 32 || self == 160 }

  /// Whether the kernel takes the byte for punctuation.
  var isKernelPunctuation: Bool {
    switch self {
    case 33...47, 58...64, 91...96, 123...126, 161...191: true
    default: false
    }
  }

  /// Whether the kernel takes the byte for a letter or a digit.
  var isKernelAlphanumeric: Bool {
    switch self {
    case 48...57, 65...90, 97...122, 192...214, 216...246, 248...255: true
    default: false
    }
  }
}
