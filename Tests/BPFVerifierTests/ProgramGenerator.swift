/// Makes programs that often pass: they keep pointers and numbers apart and mostly test what they
/// use, and now and then they do not.
struct ProgramGenerator {
  var random: Numbers
  var lines: [String] = []
  var subprograms: [String] = []
  /// Names of subprograms, for calls from each other and for type information.
  var subprogramNames: [String] = []
  let form: Form
  /// Whether a program asks for nothing that differs from run to run, and tells its numbers.
  let isRepeatable: Bool
  private var labels = 0
  // Registers that hold numbers; r6 is the context, r7 the packet, r8 its end, r9 a map's value.
  let numbers = ["r0", "r1", "r2", "r3", "r4", "r5"]

  /// The kind of program, which decides where the packet's addresses are.
  struct Form {
    var isTrafficControl: Bool
    /// Whether functions have types, which tail calls in subprograms need.
    var hasTypes: Bool

    var data: Int { isTrafficControl ? 76 : 0 }
    var end: Int { isTrafficControl ? 80 : 4 }
  }

  /// A small generator with a seed, so that a failure can be had again.
  struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      var word = state
      word ^= word >> 33
      word = word &* 0xff51_afd7_ed55_8ccd
      return word ^ word >> 33
    }
  }

  init(seed: UInt64, isRepeatable: Bool = false, hasTypes: Bool = false) {
    self.isRepeatable = isRepeatable
    random = Numbers(state: seed &* 0x9e37_79b9_7f4a_7c15 &+ 1)
    form = Form(
      isTrafficControl: Int.random(in: 0..<4, using: &random) == 0,
      hasTypes: Int.random(in: 0..<4, using: &random) == 0 || hasTypes)
  }

  /// The text of a program with the maps of ``SoundnessRun``.
  mutating func program() -> String {
    // What was on the stack before is nobody's business.
    lines = isRepeatable ? (1...8).map { "*(u64 *)(r10 \(-8 * $0)) = 0" } : []
    lines += [
      "r6 = r1", "r7 = *(u32 *)(r1 +\(form.data))", "r8 = *(u32 *)(r1 +\(form.end))",
      "r9 = map[one][0]+0",
      "r0 = *(u64 *)(r9 +0)", "r1 = *(u32 *)(r9 +8)", "r2 = *(u8 *)(r9 +16)",
      "r3 = *(s16 *)(r9 +24)", "r4 = \(Int.random(in: -9...90, using: &random))",
      "r5 = *(u64 *)(r9 +32)", "*(u64 *)(r10 -8) = r0", "*(u64 *)(r10 -16) = 0",
      "*(u64 *)(r10 -24) = r1",
    ]
    for _ in 0..<Int.random(in: 3...14, using: &random) { add(depth: 0) }
    lines += isRepeatable ? sum() : ["r0 = \(number())"]
    lines.append("exit")
    return (lines + subprograms).joined(separator: "\n")
  }

  /// All numbers in one, and in a map. Addresses are no numbers, says the verifier.
  private func sum() -> [String] {
    numbers.dropFirst().flatMap { ["r0 *= 31", "r0 ^= \($0)"] } + ["*(u64 *)(r9 +56) = r0"]
  }

  mutating func number() -> String { pick(numbers) }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: elements.indices, using: &random)]
  }

  mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  mutating func constant() -> Int {
    let few = [0, 1, 2, 7, 8, 31, 32, 63, 64, 65, 127, 255, 256, -1, -8, 0x7fff_ffff, -0x8000_0000]
    return chance(70) ? pick(few) : Int.random(in: 0...80, using: &random)
  }

  mutating func label() -> String {
    labels += 1
    return "l\(labels)"
  }

  mutating func add(depth: Int) {
    switch Int.random(in: 0..<38, using: &random) {
    case 0...5: arithmetic()
    case 6...8: branch(depth)
    case 9, 10: packet()
    case 11...13: value()
    case 14, 15: spill()
    case 16: lookup()
    case 17: stackByNumber()
    case 18 where depth < 2: loop(depth)
    case 19, 20: depth == 0 ? call() : arithmetic()
    case 21, 22: atomic()
    case 23, 24: element()
    case 25: update()
    case 26: helperNumber()
    case 27 where depth < 2: countdown(depth)
    case 28: linked()
    case 29: spilledPointer()
    case 30 where depth < 2: tailCall()
    case 31: movePacket()
    case 32: checksum()
    case 33: depth == 0 && form.hasTypes ? callback() : arithmetic()
    case 34: packetWalk()
    case 35: context()
    case 36: signs()
    default: arithmetic()
    }
  }

  mutating func arithmetic() {
    let operators = ["+=", "-=", "*=", "/=", "|=", "&=", "%=", "^=", "s/=", "s%="]
    let shifts = ["<<=", ">>=", "s>>="]
    let register = number()
    let word = chance(35)
    let target = word ? "w" + register.dropFirst() : register
    if chance(25) {
      let count = Int.random(in: 0..<(word ? 32 : 64), using: &random)
      lines.append("\(target) \(pick(shifts)) \(count)")
    } else if chance(10) {
      lines.append("\(register) = be\(pick([16, 32, 64])) \(register)")
    } else if chance(10) {
      lines.append("\(register) = (s8)\(number())")
    } else if chance(50) {
      let other = number()
      let source = word ? "w" + other.dropFirst() : other
      let symbol = chance(30) ? "=" : pick(operators)
      lines.append("\(target) \(symbol) \(source)")
    } else {
      let symbol = pick(operators)
      let value = constant()
      lines.append("\(target) \(symbol) \(value == 0 && symbol.count > 1 ? 3 : value)")
    }
  }

  mutating func condition() -> String {
    let symbols = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"]
    let symbol = pick(symbols)
    let word = chance(30)
    func name(_ register: String) -> String { word ? "w" + register.dropFirst() : register }
    let left = name(number())
    return chance(60) ? "\(left) \(symbol) \(constant())" : "\(left) \(symbol) \(name(number()))"
  }

  mutating func branch(_ depth: Int) {
    let end = label()
    lines.append("if \(condition()) goto \(end)")
    for _ in 0..<Int.random(in: 1...3, using: &random) { add(depth: depth + 1) }
    lines.append("\(end): r4 = r4")
  }

  /// Conversions between widths and signs, and their tests.
  mutating func signs() {
    let register = number()
    let word = "w" + register.dropFirst()
    let end = label()
    switch Int.random(in: 0..<5, using: &random) {
    case 0: lines += ["\(register) = (s32)\(number())", "\(register) s>>= 31"]
    case 1: lines += ["\(register) <<= 32", "\(register) s>>= 32"]
    case 2: lines += ["\(word) = -\(word)", "\(word) >>= 3"]
    case 3: lines += ["\(register) = -\(register)", "\(register) &= 0xff"]
    default: lines += ["\(word) = (s16)w1", "\(register) <<= 32", "\(register) >>= 32"]
    }
    lines += ["if \(chance(50) ? word : register) s< \(constant()) goto \(end)"]
    lines += ["\(register) += 1", "\(end): \(register) |= 1"]
  }

  /// Copies at a distance: a test of one tells about the other.
  mutating func linked() {
    let end = label()
    let distance = Int.random(in: 0...9, using: &random)
    lines += [
      "r1 = \(number())", "r1 &= \(pick([15, 31, 63, 255, 1023]))", "r2 = r1",
      "r2 += \(distance)", "*(u64 *)(r10 -32) = r1",
    ]
    lines.append(
      "if r2 \(pick([">", ">=", "s>"])) \(Int.random(in: 8...60, using: &random)) goto \(end)")
    if chance(50) { lines.append("r1 = *(u64 *)(r10 -32)") }
    if chance(20) { lines.append("r1 += r2") }
    lines += ["r3 = r9", "r3 += r1", "r0 = *(u8 *)(r3 +\(chance(80) ? 0 : 4))"]
    lines += ["\(end): r3 = 2"]
  }
}
