/// Programs about loops that are only counted when the program runs: callbacks that read and write
/// numbers and addresses in the stack of their caller, loops in loops, and accesses that such
/// numbers decide.
extension ProgramGenerator {
  /// Where numbers are, from the start of what callbacks get. An address that moves follows them,
  /// and the end of what it points into.
  private static let places = [0, 8, 16, 24]
  private static let cursor = 48
  private static let end = 56

  /// What the address that moves points into.
  private enum Cursor {
    case none, packet, value
  }

  /// The text of a program, with the maps of ``SoundnessRun``.
  mutating func loops() -> String {
    lines = [
      "r6 = r1", "r7 = *(u32 *)(r1 +\(form.data))", "r8 = *(u32 *)(r1 +\(form.end))",
      "r9 = map[one][0]+0",
    ]
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let cursor: Cursor = pick([.none, .none, .packet, .packet, .value])
      lines += start(at: "r10", -64, cursor, packet: ("r7", "r8"))
      let name = callback(cursor, depth: 0)
      lines += ["r6 = r10", "r6 += -64"] + call(name, data: "r6", depth: 0)
      for _ in 0..<Int.random(in: 1...3, using: &random) { lines += use(nil) }
    }
    lines += ["r0 = 1", "exit"]
    return (lines + subprograms).joined(separator: "\n")
  }

  private mutating func place() -> Int { pick(Self.places) }

  /// Fills what callbacks get.
  private mutating func start(
    at base: String, _ offset: Int, _ cursor: Cursor, packet: (String, String)
  ) -> [String] {
    var text: [String] = []
    for place in Self.places {
      let target = "*(u64 *)(\(base) \(offset + place))"
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<6: text.append("\(target) = \(pick([0, 0, 0, 0, 1, 2, 7, 60, 63, -1]))")
      case 6..<9:
        text += [
          "r1 = map[one][0]+0", "r1 = *(u8 *)(r1 +\(place))", "r1 &= \(pick([1, 3, 7, 31]))",
        ]
        text.append("\(target) = r1")
      default: text += ["r1 = map[one][0]+0", "r1 = *(u64 *)(r1 +\(place))", "\(target) = r1"]
      }
    }
    switch cursor {
    case .none: break
    case .packet:
      text += ["*(u64 *)(\(base) \(offset + Self.cursor)) = \(packet.0)"]
      text += ["*(u64 *)(\(base) \(offset + Self.end)) = \(packet.1)"]
    case .value:
      text += ["r1 = map[one][0]+0", "*(u64 *)(\(base) \(offset + Self.cursor)) = r1"]
    }
    return text
  }

  /// Has a helper call the function; `data` is a register with the address of what it gets.
  private mutating func call(_ name: Function, data: String, depth: Int) -> [String] {
    var text: [String] = []
    if name.isForEach {
      text.append("r1 = map[\(pick(["hash", "data"]))]")
    } else {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: text += ["r1 = *(u64 *)(\(data) +\(place()))", "r1 &= \(pick([1, 3, 7]))"]
      case 1 where depth == 0:
        text += ["r1 = map[one][0]+0", "r1 = *(u8 *)(r1 +\(place()))"]
      default: text.append("r1 = \(Int.random(in: 1...(depth == 0 ? 9 : 4), using: &random))")
      }
    }
    text += ["r2 = function[\(name.name)]", "r3 = \(data)", "r4 = 0"]
    return text + ["call \(name.isForEach ? "for_each_map_elem" : "loop")"]
  }

  private struct Function {
    var name: String
    var isForEach: Bool
  }

  /// A function that is called back. r6 is what it gets, r7 a number.
  private mutating func callback(_ cursor: Cursor, depth: Int) -> Function {
    let function = Function(name: "sub\(subprogramNames.count)", isForEach: chance(25))
    subprogramNames.append(function.name)
    var text = ["\(function.name): r6 = \(function.isForEach ? "r4" : "r2")"]
    if function.isForEach {
      text.append(chance(50) ? "r7 = *(u32 *)(r2 +0)" : "r7 = *(u8 *)(r3 +0)")
    } else {
      text.append("r7 = r1")
    }
    for _ in 0..<Int.random(in: 1...3, using: &random) { text += statement(cursor, depth) }
    switch Int.random(in: 0..<6, using: &random) {
    case 0: text += ["r0 = *(u64 *)(r6 +\(place()))", "r0 &= 1"]
    case 1: text.append("r0 = 1")
    default: text.append("r0 = 0")
    }
    subprograms.append((text + ["exit"]).joined(separator: "\n"))
    return function
  }

  private mutating func statement(_ cursor: Cursor, _ depth: Int) -> [String] {
    let skip = label()
    switch Int.random(in: 0..<21, using: &random) {
    case 0..<5: return change()
    case 5, 6: return ["if r7 \(test()) goto \(skip)"] + change() + ["\(skip): r5 = 0"]
    case 7, 8:
      return ["r1 = *(u64 *)(r6 +\(place()))", "if r1 \(test()) goto \(skip)"]
        + (chance(50) ? change() : statement(cursor, depth)) + ["\(skip): r5 = 0"]
    case 9, 10:
      return use("exit")
    case 11:
      return [
        "r1 = *(u64 *)(r6 +\(place()))", "if r1 \(test()) goto \(skip)", "r0 = \(pick([0, 1]))",
        "exit", "\(skip): r5 = 0",
      ]
    case 12..<16: return cursor == .none ? change() : step(cursor)
    case 16,
      17 where depth < 2:
      return nested(cursor, depth)
    case 18 where depth < 2: return helped(cursor, depth)
    case 19 where depth < 2:
      let again = label()
      return ["\(again): may_goto \(skip)"] + statement(cursor, depth + 1)
        + ["goto \(again)", "\(skip): r5 = 0"]
    default: return use("exit")
    }
  }

  private mutating func test() -> String {
    "\(pick(["==", "!=", ">", "<", ">=", "s<"])) \(pick([0, 1, 2, 3, 5, 8, 40, 56, 63]))"
  }

  /// A number changes.
  private mutating func change() -> [String] {
    let from = place()
    let to = chance(70) ? from : place()
    var text = ["r1 = *(u64 *)(r6 +\(from))"]
    switch Int.random(in: 0..<8, using: &random) {
    case 0..<3: text.append("r1 += \(pick([1, 1, 2, 8, -1]))")
    case 3: text += ["r2 = *(u64 *)(r6 +\(place()))", "r1 \(pick(["+=", "^=", "|=", "-="])) r2"]
    case 4: text.append("r1 += r7")
    case 5: text.append("r1 &= \(pick([1, 7, 15, 31, 56]))")
    case 6: text.append("r1 = \(pick(["r7", "0", "1", "40", "64"]))")
    default: return ["r1 = r7", "lock *(u64 *)(r6 +\(to)) += r1"]
    }
    if chance(85) { return text + ["*(u64 *)(r6 +\(to)) = r1"] }
    let size = pick([8, 16, 32])
    return text + ["*(u\(size) *)(r6 +\(to + (chance(30) ? 4 : 0))) = r1"]
  }

  /// A number decides an access, with or without a test, or a jump to one that is wrong.
  private mutating func use(_ leaving: String?) -> [String] {
    let skip = label()
    var text = ["r1 = *(u64 *)(r6 +\(place()))"]
    switch Int.random(in: 0..<6, using: &random) {
    case 0, 1: text.append("if r1 > \(pick([7, 40, 56, 63, chance(10) ? 64 : 63])) goto \(skip)")
    case 2: text.append("r1 &= \(pick([7, 31, 63]))")
    case 3:
      // Wrong, if the number can be this one.
      text += ["if r1 != \(pick([0, 1, 2, 3, 5, 9, 63, 64, 100])) goto \(skip)", "r1 = 200"]
    case 4:
      text += ["if r1 <= \(pick([0, 1, 8, 20, 63])) goto \(skip)", "r1 = 200"]
    default: break
    }
    text += ["r2 = map[one][0]+0", "r2 += r1", "r3 = *(u8 *)(r2 +0)"]
    if leaving != nil, chance(40) { text.append("*(u64 *)(r6 +\(place())) = r3") }
    return text + ["\(skip): r5 = 0"]
  }

  /// The address moves on.
  private mutating func step(_ cursor: Cursor) -> [String] {
    let skip = label()
    let length = Int.random(in: 1...4, using: &random)
    var text = ["r1 = *(u64 *)(r6 +\(Self.cursor))"]
    if cursor == .packet {
      text += ["r2 = *(u64 *)(r6 +\(Self.end))", "r3 = r1", "r3 += \(length)"]
      if chance(97) { text.append("if r3 > r2 goto \(skip)") }
    }
    text.append("r4 = *(u8 *)(r1 +\(length - (chance(95) ? 1 : 0)))")
    switch Int.random(in: 0..<4, using: &random) {
    case 0 where chance(40):
      text += ["r5 = *(u64 *)(r6 +\(place()))", "r5 &= \(pick([1, 7]))", "r1 += r5"]
    case 1: text += ["r4 &= \(pick([1, 3]))", "r1 += r4"]
    default: text.append("r1 += \(length)")
    }
    text.append("*(u64 *)(r6 +\(Self.cursor)) = r1")
    if chance(50) {
      let place = place()
      text += ["r5 = *(u64 *)(r6 +\(place))", "r5 += \(pick(["1", "r4"]))"]
      text.append("*(u64 *)(r6 +\(place)) = r5")
    }
    guard chance(50) else { return text + ["\(skip): r5 = 0"] }
    let next = label()
    return text + ["goto \(next)", "\(skip): r0 = 1", "exit", "\(next): r5 = 0"]
  }

  /// A loop in the loop, over the same numbers or some of its own.
  private mutating func nested(_ cursor: Cursor, _ depth: Int) -> [String] {
    guard chance(30) else {
      let function = callback(cursor, depth: depth + 1)
      return call(function, data: "r6", depth: depth + 1)
    }
    let function = callback(.none, depth: depth + 1)
    var text = start(at: "r10", -64, .none, packet: ("r0", "r0"))
    text += ["r8 = r10", "r8 += -64"] + call(function, data: "r8", depth: depth + 1)
    text += ["r1 = *(u64 *)(r8 +\(place()))", "*(u64 *)(r6 +\(place())) = r1"]
    return text
  }

  /// A function that does some of it.
  private mutating func helped(_ cursor: Cursor, _ depth: Int) -> [String] {
    let name = "sub\(subprogramNames.count)"
    subprogramNames.append(name)
    let body = ["\(name): r6 = r1", "r7 = r2"] + statement(cursor, depth + 1)
    subprograms.append((body + ["r0 = r7", "exit"]).joined(separator: "\n"))
    return ["r1 = r6", "r2 = r7", "call \(name)", "*(u64 *)(r6 +\(place())) = r0"]
  }
}
