/// Makes programs that often pass: they keep pointers and numbers apart and mostly test what they
/// use, and now and then they do not.
struct ProgramGenerator {
  private var random: Numbers
  private var lines: [String] = []
  private var labels = 0
  private var subprograms: [String] = []
  // Registers that hold numbers; r6 is the context, r7 the packet, r8 its end, r9 a map's value.
  private let numbers = ["r0", "r1", "r2", "r3", "r4", "r5"]

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

  init(seed: UInt64) {
    random = Numbers(state: seed &* 0x9e37_79b9_7f4a_7c15 &+ 1)
  }

  /// The text of a program for XDP, with the maps `one` (one value of 64 bytes) and `data`.
  mutating func program() -> String {
    lines = [
      "r6 = r1", "r7 = *(u32 *)(r1 +0)", "r8 = *(u32 *)(r1 +4)", "r9 = map[one][0]+0",
      "r0 = *(u64 *)(r9 +0)", "r1 = *(u32 *)(r9 +8)", "r2 = *(u8 *)(r9 +16)",
      "r3 = *(s16 *)(r9 +24)", "r4 = \(Int.random(in: -9...90, using: &random))",
      "r5 = *(u64 *)(r9 +32)", "*(u64 *)(r10 -8) = r0", "*(u64 *)(r10 -16) = 0",
      "*(u64 *)(r10 -24) = r1",
    ]
    for _ in 0..<Int.random(in: 3...14, using: &random) { add(depth: 0) }
    lines += ["r0 = \(number())", "exit"]
    return (lines + subprograms).joined(separator: "\n")
  }

  private mutating func number() -> String { pick(numbers) }

  private mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: elements.indices, using: &random)]
  }

  private mutating func chance(_ percent: Int) -> Bool {
    Int.random(in: 0..<100, using: &random) < percent
  }

  private mutating func constant() -> Int {
    let few = [0, 1, 2, 7, 8, 31, 32, 63, 64, 65, 127, 255, 256, -1, -8, 0x7fff_ffff, -0x8000_0000]
    return chance(70) ? pick(few) : Int.random(in: 0...80, using: &random)
  }

  private mutating func label() -> String {
    labels += 1
    return "l\(labels)"
  }

  private mutating func add(depth: Int) {
    switch Int.random(in: 0..<20, using: &random) {
    case 0...5: arithmetic()
    case 6, 7: branch(depth)
    case 8, 9: packet()
    case 10...12: value()
    case 13, 14: spill()
    case 15: lookup()
    case 16: stackByNumber()
    case 17 where depth < 2: loop(depth)
    case 18 where depth == 0: call()
    case 19: atomic()
    default: arithmetic()
    }
  }

  private mutating func arithmetic() {
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

  private mutating func condition() -> String {
    let symbols = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"]
    let symbol = pick(symbols)
    let word = chance(30)
    func name(_ register: String) -> String { word ? "w" + register.dropFirst() : register }
    let left = name(number())
    return chance(60) ? "\(left) \(symbol) \(constant())" : "\(left) \(symbol) \(name(number()))"
  }

  private mutating func branch(_ depth: Int) {
    let end = label()
    lines.append("if \(condition()) goto \(end)")
    for _ in 0..<Int.random(in: 1...3, using: &random) { add(depth: depth + 1) }
    lines.append("\(end): r4 = r4")
  }

  private mutating func packet() {
    let end = label()
    let length = Int.random(in: 1...40, using: &random)
    let register = number()
    if chance(40) {
      // A length out of the packet or a number, then another comparison.
      lines += ["r5 = \(number())", "r5 &= \(chance(80) ? 0x7f : 0x1ffff)", "r3 = r7", "r3 += r5"]
    } else {
      lines.append("r3 = r7")
    }
    lines += ["r2 = r3", "r2 += \(length)"]
    let comparisons = ["if r2 > r8 goto", "if r2 >= r8 goto", "if r8 < r2 goto"]
    if chance(90) { lines.append("\(pick(comparisons)) \(end)") }
    let size = pick([1, 2, 4, 8])
    let offset = max(0, length - size) + (chance(6) ? 1 : 0)
    let access = "*(u\(size * 8) *)(r3 +\(offset))"
    lines.append(chance(70) ? "\(register) = \(access)" : "\(access) = r4")
    // What was an address or may be one is a number again.
    lines += ["\(end): r2 = 5", "r3 = 6", "\(register) = r4"]
  }

  private mutating func value() {
    let register = pick(["r1", "r2", "r4", "r5"])
    let end = label()
    let limit = chance(80) ? 56 : 64
    lines += ["r3 = r9", "r0 = \(register)"]
    switch Int.random(in: 0..<4, using: &random) {
    case 0: lines.append("r0 &= \(chance(80) ? 31 : 63)")
    case 1: lines.append("if r0 > \(limit) goto \(end)")
    case 2: lines += ["if r0 s< 0 goto \(end)", "if r0 s> \(limit) goto \(end)"]
    default: lines += ["r0 %= 50", "if \(register) > 20 goto \(end)", "r0 = \(register)"]
    }
    lines.append("r3 += r0")
    let size = pick([1, 2, 4, 8])
    let access = "*(u\(size * 8) *)(r3 +\(Int.random(in: 0...2, using: &random)))"
    lines.append(chance(60) ? "r0 = \(access)" : "\(access) = r4")
    lines.append("\(end): r3 = 1")
  }

  private mutating func spill() {
    let place = -8 * Int.random(in: 1...5, using: &random)
    let size = pick([1, 2, 4, 8, 8, 8])
    let offset = place + (size < 8 && chance(40) ? size : 0)
    if chance(60) {
      lines.append("*(u\(size * 8) *)(r10 \(offset)) = \(number())")
    } else if chance(50) {
      lines.append("*(u\(size * 8) *)(r10 \(offset)) = \(constant())")
    }
    if chance(20) {
      lines += ["*(u64 *)(r10 \(place)) = r7", "r3 = *(u64 *)(r10 \(place))", "r3 = 0"]
      lines.append("*(u64 *)(r10 \(place)) = r3")
    }
    lines.append("\(number()) = *(u\(size * 8) *)(r10 \(offset))")
  }

  private mutating func lookup() {
    let end = label()
    lines += [
      "*(u32 *)(r10 -40) = \(chance(50) ? "2" : "r4")", "r2 = r10", "r2 += -40", "r1 = map[data]",
      "call map_lookup_elem",
    ]
    if chance(92) { lines.append("if r0 == 0 goto \(end)") }
    lines += ["r1 = *(u32 *)(r0 +4)", "*(u32 *)(r0 +0) = r1"]
    lines += [
      "\(end): r0 = 0", "r1 = 9", "r2 = 3", "r3 = 4", "r4 = *(u32 *)(r9 +40)", "r5 = 2",
    ]
  }

  private mutating func stackByNumber() {
    lines += [
      "r3 = r10", "r3 += -32", "r0 = \(number())", "r0 &= \(chance(80) ? 24 : 56)",
      "r3 = r10", "r3 += -32", "r3 += r0",
    ]
    lines.append(
      chance(50)
        ? "*(u64 *)(r3 +0) = r4" : chance(50) ? "r0 = *(u64 *)(r3 +0)" : "*(u8 *)(r3 +1) = 0")
    lines += ["r3 = 7"]
  }

  private mutating func loop(_ depth: Int) {
    let start = label()
    let counter = pick(["r1", "r2", "r5"])
    let place = -8 * Int.random(in: 6...7, using: &random)
    lines += ["\(counter) = 0", "\(start): *(u64 *)(r10 \(place)) = \(counter)"]
    for _ in 0..<Int.random(in: 1...2, using: &random) { add(depth: depth + 2) }
    lines += [
      "\(counter) = *(u64 *)(r10 \(place))",
      "\(counter) += \(Int.random(in: 1...3, using: &random))",
      "if \(counter) < \(Int.random(in: 2...12, using: &random)) goto \(start)",
    ]
  }

  private mutating func call() {
    let name = "sub\(subprograms.count)"
    lines += ["r1 = r10", "r1 += -24", "r2 = \(number())", "call \(name)"]
    lines += ["r1 = 1", "r2 = 2", "r3 = 3", "r4 = 4", "r5 = 5"]
    var body = ["\(name): r3 = *(u64 *)(r1 +\(pick([0, 8, 16])))"]
    if chance(50) { body.append("*(u64 *)(r1 +8) = r2") }
    if chance(50) { body.append("*(u64 *)(r10 -8) = r3") }
    body += ["r0 = r2", chance(50) ? "r0 += r3" : "r0 &= 7", "exit"]
    subprograms.append(body.joined(separator: "\n"))
  }

  private mutating func atomic() {
    let place = chance(50) ? "r9 +48" : "r10 -8"
    if chance(50) {
      lines.append("lock *(u64 *)(\(place)) += \(number())")
    } else {
      lines.append("r4 = atomic64_fetch_add((u64 *)(\(place)), r4)")
    }
  }
}
