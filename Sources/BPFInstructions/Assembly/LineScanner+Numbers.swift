extension LineScanner {
  /// A number as written: `-7`, `0x1f`.
  struct Literal {
    var isNegative: Bool
    var magnitude: UInt64
    var isHexadecimal: Bool
    /// Where it begins, for errors.
    var position: Int

    /// The value, when it fits a signed field of `bits` bits. A hexadecimal literal may also be
    /// the field's bit pattern: `0xffffffff` is -1 in 32 bits, as the kernel prints it.
    func value(bits: Int) -> Int64? {
      let half: UInt64 = 1 &<< UInt64(bits - 1)
      if isNegative {
        guard magnitude <= half else { return nil }
        return Int64(truncatingIfNeeded: 0 &- magnitude)
      }
      if magnitude < half { return Int64(truncatingIfNeeded: magnitude) }
      guard isHexadecimal, bits == 64 || magnitude &>> UInt64(bits) == 0 else { return nil }
      let shift = Int64(64 - bits)
      return (Int64(truncatingIfNeeded: magnitude) &<< shift) &>> shift
    }
  }

  /// Takes a number with or without a sign, decimal or hexadecimal.
  mutating func literal() throws(AssemblyError) -> Literal {
    skipBlanks()
    let start = position
    let isNegative = accept("-")
    if !isNegative { _ = accept("+") }
    let isHexadecimal = accept("0x") || accept("0X")
    if !isHexadecimal { skipBlanks() }
    let digitsStart = position
    let digits = take(while: Self.isWord)
    guard digits.utf8.allSatisfy({ Self.isHexadecimalDigit($0, orDecimal: !isHexadecimal) }),
      !digits.isEmpty
    else { throw error(.expected("a number"), at: digits.isEmpty ? digitsStart : start) }
    guard let magnitude = UInt64(digits, radix: isHexadecimal ? 16 : 10) else {
      throw error(.numberTooLarge(bits: 64), at: start)
    }
    return Literal(
      isNegative: isNegative, magnitude: magnitude, isHexadecimal: isHexadecimal, position: start)
  }

  private static func isHexadecimalDigit(_ byte: UInt8, orDecimal decimal: Bool) -> Bool {
    isDigit(byte)
      || (!decimal && (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20))
  }

  /// Takes a number for a 32-bit immediate.
  mutating func immediate() throws(AssemblyError) -> Int32 {
    try immediate(literal())
  }

  func immediate(_ literal: Literal) throws(AssemblyError) -> Int32 {
    guard let value = literal.value(bits: 32) else {
      throw error(.numberTooLarge(bits: 32), at: literal.position)
    }
    return Int32(truncatingIfNeeded: value)
  }

  /// Takes a number for a 16-bit offset.
  mutating func offset() throws(AssemblyError) -> Int16 {
    let literal = try literal()
    guard let value = literal.value(bits: 16) else {
      throw error(.numberTooLarge(bits: 16), at: literal.position)
    }
    return Int16(truncatingIfNeeded: value)
  }

  /// Takes a number for the upper half of a map value's address: unsigned.
  mutating func valueOffset() throws(AssemblyError) -> UInt32 {
    let literal = try literal()
    guard !literal.isNegative, let value = UInt32(exactly: literal.magnitude) else {
      throw error(.numberTooLarge(bits: 32), at: literal.position)
    }
    return value
  }

  /// Whether a number without a sign comes next.
  var startsWithDigit: Bool {
    var ahead = self
    ahead.skipBlanks()
    return !ahead.take(while: Self.isDigit).isEmpty
  }

  /// Whether a number with a sign comes next.
  var startsWithSign: Bool {
    var ahead = self
    return ahead.accept("+") || ahead.accept("-")
  }
}
