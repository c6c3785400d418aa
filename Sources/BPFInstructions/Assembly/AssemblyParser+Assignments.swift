extension AssemblyParser {
  /// Takes what begins with a register: arithmetic, loads and everything else that sets one.
  mutating func parseAssignment() throws(AssemblyError) {
    let (destination, width) = try scanner.anyRegister()
    guard let operation = scanner.acceptAny(of: Self.assignments) else {
      throw scanner.error(.expected("an assignment"))
    }
    if operation == .move, try parseSpecialAssignment(to: destination, width) { return }
    let right = try operand(width)
    try emit(
      .arithmetic(operation, width, right.kind), destination: destination,
      source: right.register, immediate: right.immediate)
  }

  private static let assignments = Operation.Arithmetic.allCases.map { ($0.symbol, $0) }
    .sorted { $0.0.utf8.count > $1.0.utf8.count }

  /// Takes the right side of `=` if it is more than a register or a short immediate.
  private mutating func parseSpecialAssignment(
    to destination: Register, _ width: Operation.Width
  ) throws(AssemblyError) -> Bool {
    if try parseNegation(of: destination, width) { return true }
    if scanner.accept("(") {
      try parseSignExtendingMove(to: destination, width)
      return true
    }
    guard let word = scanner.peekWord() else {
      guard width == .bits64 else { return false }
      if scanner.accept("*") {
        try parseLoad(to: destination)
        return true
      }
      return try parseWideImmediate(to: destination)
    }
    guard width == .bits64, LineScanner.register(word) == nil else { return false }
    switch word {
    case "map": try parseMap(to: destination)
    case "function", "subprog": try parseFunctionAddress(to: destination)
    case "load_acquire": try parseLoadAcquire(to: destination)
    case _ where word.hasPrefix("atomic"): try parseAtomicFunction(to: destination)
    default: try parseByteOrder(of: destination)
    }
    return true
  }

  /// Takes `-r1`; a minus before a digit belongs to an immediate.
  private mutating func parseNegation(
    of destination: Register, _ width: Operation.Width
  ) throws(AssemblyError) -> Bool {
    var ahead = scanner
    guard ahead.accept("-"), ahead.peekWord() != nil else { return false }
    scanner = ahead
    scanner.skipBlanks()
    let start = scanner.position
    guard try scanner.register(width) == destination else {
      throw scanner.error(.expected(destination.name(width)), at: start)
    }
    try emit(.negate(width), destination: destination)
    return true
  }

  /// Takes what follows the parenthesis in `r1 = (s8)r2`.
  private mutating func parseSignExtendingMove(
    to destination: Register, _ width: Operation.Width
  ) throws(AssemblyError) {
    scanner.skipBlanks()
    let start = scanner.position
    guard let word = scanner.word(), word.first == "s", let bits = Int(word.dropFirst()) else {
      throw scanner.error(.expected("s8, s16 or s32"), at: start)
    }
    try scanner.expect(")")
    let source = try scanner.register(width)
    try emit(
      .signExtendingMove(fromBits: UInt8(clamping: bits), width), destination: destination,
      source: source)
  }

  /// Takes what follows the star in `r1 = *(u32 *)(r2 +4)` or `r0 = *(u8 *)skb[r7 + 2]`.
  private mutating func parseLoad(to destination: Register) throws(AssemblyError) {
    var ahead = scanner
    let (size, isSigned) = try ahead.pointerType()
    guard ahead.accept("skb") else {
      let place = try scanner.location()
      return try emit(
        .load(place.size, signExtended: place.isSigned), destination: destination,
        source: place.base, offset: place.offset)
    }
    guard destination == .r0, !isSigned else {
      throw scanner.error(.expected("r0 = *(u8, u16 or u32 *)skb[...]"))
    }
    scanner = ahead
    try scanner.expect("[")
    var base: Register?
    if scanner.peekWord() != nil {
      base = try scanner.register()
      try scanner.expect("+")
    }
    let immediate = try scanner.immediate()
    try scanner.expect("]")
    try emit(
      .loadPacket(size, indirect: base != nil), source: base ?? .r0, immediate: immediate)
  }

  private mutating func parseLoadAcquire(to destination: Register) throws(AssemblyError) {
    try scanner.expectWord("load_acquire")
    try scanner.expect("(")
    let place = try scanner.unsignedLocation()
    try scanner.expect(")")
    try emit(
      .loadAcquire(place.size), destination: destination, source: place.base,
      offset: place.offset)
  }

  /// Takes `atomic64_fetch_add((u64 *)(r1 +0), r2)` and its like; the register assigned to is the
  /// one that the update names last, or r0 for a compare-and-exchange.
  private mutating func parseAtomicFunction(to destination: Register) throws(AssemblyError) {
    guard let (update, size) = scanner.acceptAny(of: Self.atomicFunctions) else {
      throw scanner.error(.expected("an atomic function"))
    }
    try scanner.expect("(")
    scanner.skipBlanks()
    let placeStart = scanner.position
    let place = try scanner.unsignedLocation()
    guard place.size == size else {
      throw scanner.error(.expected("(\(size.typeName(signed: false)) *)"), at: placeStart)
    }
    try scanner.expect(",")
    if update == .compareExchange {
      try scanner.expectWord("r0")
      try scanner.expect(",")
    }
    scanner.skipBlanks()
    let sourceStart = scanner.position
    let source = try scanner.register()
    guard destination == (update == .compareExchange ? .r0 : source) else {
      let expected: AssemblyError.Reason =
        update == .compareExchange ? .expected("r0 = ...") : .expected("\(destination)")
      throw scanner.error(expected, at: sourceStart)
    }
    try scanner.expect(")")
    try emit(
      .atomic(update, size), destination: place.base, source: source, offset: place.offset)
  }

  private static let atomicFunctions: [(String, (Operation.AtomicUpdate, Operation.Size))] =
    Operation.allCases.compactMap { operation in
      guard case .atomic(let update, let size) = operation.kind,
        case .function(let name) = update.form
      else { return nil }
      return (size.atomicPrefix + name, (update, size))
    }

  /// Takes `be16 r1`.
  private mutating func parseByteOrder(of destination: Register) throws(AssemblyError) {
    scanner.skipBlanks()
    let start = scanner.position
    let word = scanner.word() ?? ""
    for order in Operation.ByteOrder.allCases where word.hasPrefix(order.prefix) {
      guard let bits = Int(word.dropFirst(order.prefix.count)) else { continue }
      scanner.skipBlanks()
      let registerStart = scanner.position
      guard try scanner.register() == destination else {
        throw scanner.error(.expected("\(destination)"), at: registerStart)
      }
      return try emit(.byteOrder(order, bits: UInt8(clamping: bits)), destination: destination)
    }
    throw scanner.error(.expected("a register, a number or a location"), at: start)
  }
}
