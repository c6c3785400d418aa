extension AssemblyParser {
  /// Takes one instruction.
  mutating func parseStatement() throws(AssemblyError) {
    switch scanner.peekWord() {
    case "goto": try parseJump("goto", .jump(long: false), .offset)
    case "gotol": try parseJump("gotol", .jump(long: true), .immediate)
    case "may_goto": try parseJump("may_goto", .mayGoto, .offset)
    case "if": try parseBranch()
    case "call": try parseCall()
    case "callx": try parseCallRegister()
    case "exit":
      try scanner.expectWord("exit")
      try emit(.exit)
    case "lock": try parseLockedUpdate()
    case "store_release": try parseStoreRelease()
    case ".slot": try parseRawSlot()
    case let word? where LineScanner.register(word) != nil: try parseAssignment()
    case nil where scanner.accept("*"): try parseStore()
    default: throw scanner.error(.expected("an instruction"))
    }
  }

  private mutating func parseJump(
    _ word: String, _ kind: Operation.Kind, _ field: LabelField
  ) throws(AssemblyError) {
    try scanner.expectWord(word)
    let distance = try target(field)
    try emit(
      kind, offset: field == .offset ? Int16(truncatingIfNeeded: distance) : 0,
      immediate: distance)
  }

  /// Takes `pc+3`, `+3` or a label; the distance of a label is filled in later.
  mutating func target(_ field: LabelField) throws(AssemblyError) -> Int32 {
    scanner.skipBlanks()
    let start = scanner.position
    if let name = scanner.word() {
      var ahead = scanner
      guard name == "pc", ahead.accept("+") || ahead.accept("-") else {
        use(name, in: field, at: start)
        return 0
      }
    } else if !scanner.startsWithSign {
      throw scanner.error(.expected("a label, or a distance such as pc+3"))
    }
    return field == .offset ? Int32(try scanner.offset()) : try scanner.immediate()
  }

  private mutating func parseBranch() throws(AssemblyError) {
    try scanner.expectWord("if")
    let (left, width) = try scanner.anyRegister()
    guard let condition = scanner.acceptAny(of: Self.conditions) else {
      throw scanner.error(.expected("a comparison"))
    }
    let right = try operand(width)
    try scanner.expectWord("goto")
    let distance = try target(.offset)
    try emit(
      .branch(condition, width, right.kind), destination: left, source: right.register,
      offset: Int16(truncatingIfNeeded: distance), immediate: right.immediate)
  }

  private static let conditions = Operation.Condition.allCases.map { ($0.symbol, $0) }
    .sorted { $0.0.utf8.count > $1.0.utf8.count }

  /// The right side of a comparison or of arithmetic.
  struct RightSide {
    var kind: Operation.Operand
    var register = Register.r0
    var immediate: Int32 = 0
  }

  /// Takes a register of this width or an immediate.
  mutating func operand(_ width: Operation.Width) throws(AssemblyError) -> RightSide {
    if scanner.peekWord() == nil {
      return RightSide(kind: .immediate, immediate: try scanner.immediate())
    }
    return RightSide(kind: .register, register: try scanner.register(width))
  }

  private mutating func parseCall() throws(AssemblyError) {
    try scanner.expectWord("call")
    if scanner.accept("kernel-function") {
      if scanner.accept(":") { _ = scanner.text(upTo: "#") }
      try scanner.expect("#")
      let number = try scanner.immediate()
      let module = scanner.accept("module") ? try scanner.offset() : 0
      return try emit(.callKernelFunction, offset: module, immediate: number)
    }
    if scanner.accept("#") || scanner.startsWithDigit {
      return try emit(.callHelper, immediate: try scanner.immediate())
    }
    var ahead = scanner
    if ahead.word() != nil, ahead.accept("#") {
      scanner = ahead
      return try emit(.callHelper, immediate: try scanner.immediate())
    }
    let distance = try target(.call)
    if scanner.accept("#") { _ = scanner.take { !LineScanner.isBlank($0) } }
    try emit(.callSubprogram, immediate: distance)
  }

  private mutating func parseCallRegister() throws(AssemblyError) {
    try scanner.expectWord("callx")
    let register = try scanner.register()
    if scanner.accept("imm") {
      try emit(.callRegister, immediate: Int32(register.rawValue))
    } else {
      try emit(.callRegister, destination: register)
    }
  }

  private mutating func parseStore() throws(AssemblyError) {
    let place = try scanner.unsignedLocation()
    try scanner.expect("=")
    let value = try operand(.bits64)
    try emit(
      .store(place.size, value.kind), destination: place.base, source: value.register,
      offset: place.offset, immediate: value.immediate)
  }

  private mutating func parseLockedUpdate() throws(AssemblyError) {
    try scanner.expectWord("lock")
    try scanner.expect("*")
    let place = try scanner.unsignedLocation()
    guard let update = scanner.acceptAny(of: Self.lockedUpdates) else {
      throw scanner.error(.expected("+=, |=, &= or ^="))
    }
    let source = try scanner.register()
    try emit(
      .atomic(update, place.size), destination: place.base, source: source, offset: place.offset)
  }

  private static let lockedUpdates: [(String, Operation.AtomicUpdate)] =
    Operation.AtomicUpdate.allCases.compactMap {
      if case .assignment(let symbol) = $0.form { (symbol, $0) } else { nil }
    }

  private mutating func parseStoreRelease() throws(AssemblyError) {
    try scanner.expectWord("store_release")
    try scanner.expect("(")
    let place = try scanner.unsignedLocation()
    try scanner.expect(",")
    let source = try scanner.register()
    try scanner.expect(")")
    try emit(
      .storeRelease(place.size), destination: place.base, source: source, offset: place.offset)
  }

  /// Takes `.slot` and eight bytes, for what has no notation.
  private mutating func parseRawSlot() throws(AssemblyError) {
    try scanner.expect(".slot")
    var word: UInt64 = 0
    for index in 0..<UInt64(Instruction.byteCount) {
      scanner.skipBlanks()
      let start = scanner.position
      let digits = scanner.take(while: LineScanner.isWord)
      guard digits.utf8.count == 2, let byte = UInt8(digits, radix: 16) else {
        throw scanner.error(.expected("eight bytes of two hexadecimal digits"), at: start)
      }
      word |= UInt64(byte) &<< (index &* 8)
    }
    program.instructions.append(Instruction(littleEndian: word))
  }
}
