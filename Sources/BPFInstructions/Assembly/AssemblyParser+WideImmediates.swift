extension AssemblyParser {
  /// Takes `0x123456789 ll`, with the pseudo source of any other kind as in `0x5 ll pseudo 3`;
  /// a number without `ll` is left for a short immediate.
  mutating func parseWideImmediate(to destination: Register) throws(AssemblyError) -> Bool {
    var ahead = scanner
    let literal = try ahead.literal()
    guard ahead.peekWord() == "ll" else { return false }
    scanner = ahead
    try scanner.expectWord("ll")
    guard let value = wideValue(literal) else {
      throw scanner.error(.numberTooLarge(bits: 64), at: literal.position)
    }
    var source = Register.r0
    if scanner.accept("pseudo") {
      scanner.skipBlanks()
      let start = scanner.position
      guard let number = UInt8(exactly: try scanner.immediate()), number < 16 else {
        throw scanner.error(.numberTooLarge(bits: 4), at: start)
      }
      source = Register(rawValue: number)
    }
    emitWide(destination, value, source)
    return true
  }

  /// Signed or unsigned: all 64 bits are there to be used.
  private func wideValue(_ literal: LineScanner.Literal) -> UInt64? {
    guard literal.isNegative else { return literal.magnitude }
    return literal.value(bits: 64).map { UInt64(bitPattern: $0) }
  }

  /// Takes `map[fd:5]`, `map[idx:5]`, `map[name:counters]` or `map[counters]`, and the place in
  /// the value of `map[counters][0]+16`.
  mutating func parseMap(to destination: Register) throws(AssemblyError) {
    try scanner.expectWord("map")
    try scanner.expect("[")
    scanner.skipBlanks()
    let start = scanner.position
    var byIndex = false
    let descriptor: Int32
    if scanner.accept("fd:") {
      descriptor = try scanner.immediate()
    } else if scanner.accept("idx:") {
      descriptor = try scanner.immediate()
      byIndex = true
    } else {
      _ = scanner.accept("name:")
      let name = scanner.text(upTo: "]")
      guard !name.isEmpty else { throw scanner.error(.expected("the name of a map")) }
      guard let known = assembler.mapDescriptor(name) else {
        throw scanner.error(.unknownMap(name), at: start)
      }
      program.references[program.instructions.count] = name
      descriptor = known
    }
    try scanner.expect("]")
    var source: PseudoSource = byIndex ? .mapIndex : .mapDescriptor
    var offset: UInt32 = 0
    if scanner.accept("[") {
      try scanner.expect("0")
      try scanner.expect("]")
      try scanner.expect("+")
      offset = try scanner.valueOffset()
      source = byIndex ? .mapValueByIndex : .mapValueByDescriptor
    }
    emitWide(
      destination, UInt64(UInt32(bitPattern: descriptor)) | UInt64(offset) << 32,
      Register(rawValue: source.rawValue))
  }

  /// Takes `function[name]` or `subprog[+3]`: the address of a subprogram.
  mutating func parseFunctionAddress(to destination: Register) throws(AssemblyError) {
    _ = scanner.word()
    try scanner.expect("[")
    let distance = try target(.immediate)
    try scanner.expect("]")
    emitWide(
      destination, UInt64(UInt32(bitPattern: distance)),
      Register(rawValue: PseudoSource.function.rawValue))
  }

  private mutating func emitWide(_ destination: Register, _ value: UInt64, _ source: Register) {
    program.instructions += Instruction.loadImmediate64(destination, value, source: source)
  }
}
