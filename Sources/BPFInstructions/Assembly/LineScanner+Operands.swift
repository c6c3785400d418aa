extension LineScanner {
  /// Takes `r0` to `r10`, or `w0` to `w10` for 32 bits.
  mutating func anyRegister() throws(AssemblyError) -> (Register, Operation.Width) {
    skipBlanks()
    let start = position
    guard let name = word(), let register = Self.register(name) else {
      throw error(.expected("a register"), at: start)
    }
    return register
  }

  mutating func register(_ width: Operation.Width = .bits64) throws(AssemblyError) -> Register {
    skipBlanks()
    let start = position
    guard let name = word(), let (register, found) = Self.register(name), found == width else {
      let letter = width == .bits64 ? "r" : "w"
      throw error(.expected("a register from \(letter)0 to \(letter)10"), at: start)
    }
    return register
  }

  static func register(_ name: String) -> (Register, Operation.Width)? {
    guard let number = UInt8(name.dropFirst()), Register(rawValue: number).rawValue == number,
      Register(rawValue: number).isValid
    else { return nil }
    switch name.first {
    case "r": return (Register(rawValue: number), .bits64)
    case "w": return (Register(rawValue: number), .bits32)
    default: return nil
    }
  }

  /// A place in memory: `(u32 *)(r1 +4)`.
  struct Location {
    var size: Operation.Size
    var isSigned: Bool
    var base: Register
    var offset: Int16
  }

  /// Takes `(u32 *)(r1 +4)`.
  mutating func location() throws(AssemblyError) -> Location {
    let (size, isSigned) = try pointerType()
    try expect("(")
    let base = try register()
    let hasOffset = !accept(")")
    let offset = hasOffset ? try offset() : 0
    if hasOffset { try expect(")") }
    return Location(size: size, isSigned: isSigned, base: base, offset: offset)
  }

  /// Takes `(u32 *)`.
  mutating func pointerType() throws(AssemblyError) -> (Operation.Size, signed: Bool) {
    try expect("(")
    skipBlanks()
    let start = position
    let name = word() ?? ""
    for size in Operation.Size.allCases {
      for signed in [false, true] where name == size.typeName(signed: signed) {
        try expect("*")
        try expect(")")
        return (size, signed)
      }
    }
    throw error(.expected("u8, u16, u32, u64, s8, s16 or s32"), at: start)
  }

  /// Takes a location whose access cannot be sign-extending: all but plain loads.
  mutating func unsignedLocation() throws(AssemblyError) -> Location {
    skipBlanks()
    let start = position
    let place = try location()
    guard !place.isSigned else { throw error(.expected("an unsigned type"), at: start) }
    return place
  }
}
