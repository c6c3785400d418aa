// Loops, calls and helpers.
extension ProgramGenerator {
  /// After a call nothing is left in r1 to r5.
  mutating func restoreNumbers() {
    lines += ["r1 = \(constant())", "r2 = 3", "r3 = 4", "r4 = *(u32 *)(r9 +40)"]
    lines.append(chance(50) ? "r5 = 2" : "r5 = *(u64 *)(r9 +32)")
  }

  mutating func loop(_ depth: Int) {
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

  /// A number that is counted down to 0, or until something else ends it.
  mutating func countdown(_ depth: Int) {
    let start = label()
    let end = label()
    lines += ["r5 = \(number())", "r5 &= \(pick([3, 7, 15]))", "*(u64 *)(r10 -64) = r5"]
    lines += ["\(start): r5 = *(u64 *)(r10 -64)", "if r5 == 0 goto \(end)"]
    add(depth: depth + 2)
    lines += ["r5 = *(u64 *)(r10 -64)", "r5 += -1", "*(u64 *)(r10 -64) = r5"]
    if chance(30) { lines.append("if \(number()) == \(constant()) goto \(end)") }
    lines += ["goto \(start)", "\(end): r5 = 1"]
  }

  mutating func call() {
    let name = "sub\(subprograms.count)"
    switch Int.random(in: 0..<4, using: &random) {
    case 0: callWithPacket(name)
    case 1: callWithValue(name)
    default: callWithStack(name)
    }
    subprogramNames.append(name)
    restoreNumbers()
  }

  private mutating func callWithStack(_ name: String) {
    lines += ["r1 = r10", "r1 += -24", "r2 = \(number())", "call \(name)"]
    var body = ["\(name): r3 = *(u64 *)(r1 +\(pick([0, 8, 16])))"]
    if chance(50) { body.append("*(u64 *)(r1 +8) = r2") }
    if chance(50) { body.append("*(u64 *)(r10 -8) = r3") }
    if chance(30) {
      let helper = isRepeatable ? "get_smp_processor_id" : "get_prandom_u32"
      body += ["r6 = r1", "r7 = r2", "call \(helper)", "r2 = r7", "r1 = r6", "r3 = r0"]
    }
    body += ["r0 = r2", chance(50) ? "r0 += r3" : "r0 &= 7"]
    if !subprogramNames.isEmpty, chance(25) {
      // Another function, with the same kind of arguments.
      body = [
        "\(name): r6 = r1", "*(u64 *)(r10 -8) = 0", "*(u64 *)(r10 -16) = r2",
        "*(u64 *)(r10 -24) = 1", "r2 = r10", "r1 = r10", "r1 += -24",
        "r2 = *(u64 *)(r6 +0)", "call \(name)b", "r1 = *(u64 *)(r10 -16)",
        chance(50) ? "r0 += r1" : "r0 = *(u64 *)(r10 -8)", "exit",
        "\(name)b: r0 = *(u64 *)(r1 +8)", "*(u64 *)(r1 +\(pick([0, 8]))) = r2",
        "if r0 > 6 goto \(name)e", "r0 = r2", "\(name)e: r0 &= 15",
      ]
      subprogramNames.append(name + "b")
    }
    body.append("exit")
    subprograms.append(body.joined(separator: "\n"))
  }

  private mutating func callWithPacket(_ name: String) {
    lines += ["r1 = r7", "r2 = r8", "r3 = \(number())", "call \(name)"]
    let length = Int.random(in: 1...20, using: &random)
    var body = ["\(name): r0 = 0"]
    if chance(50) { body += ["r3 &= 31", "r1 += r3"] }
    body += ["r4 = r1", "r4 += \(length)"]
    if chance(95) { body.append("if r4 > r2 goto \(name)e") }
    body += ["r0 = *(u8 *)(r1 +\(length - (chance(95) ? 1 : 0)))", "\(name)e: exit"]
    subprograms.append(body.joined(separator: "\n"))
    if chance(60) {
      let end = label()
      lines += [
        "r3 = r0", "if r3 > 40 goto \(end)", "r2 = r9", "r2 += r3", "r1 = *(u64 *)(r2 +8)",
        "\(end): r2 = 0",
      ]
    }
  }

  private mutating func callWithValue(_ name: String) {
    lines += ["r1 = r9", "r2 = \(number())", "call \(name)"]
    var body = [
      "\(name): if r2 > \(chance(90) ? 48 : 64) goto \(name)e", "r1 += r2",
      "r3 = *(u64 *)(r1 +8)", "*(u32 *)(r1 +0) = r3", "\(name)e: r0 = r2",
    ]
    if form.hasTypes, !form.isTrafficControl, chance(40) {
      // The context is in the caller only: a tail call in a subprogram needs it as an argument.
      lines[lines.count - 2] = "r2 = r6"
      body = [
        "\(name): r3 = \(chance(50) ? "2" : "*(u32 *)(r1 +4)")", "r1 = r2",
        "r2 = map[tails]", "call tail_call", "r0 = 5",
      ]
      subprograms.append((body + ["exit"]).joined(separator: "\n"))
      reloadPacket()
      return
    }
    body.append(chance(70) ? "r0 &= 63" : "r0 = 9")
    subprograms.append((body + ["exit"]).joined(separator: "\n"))
    if chance(50) {
      lines += ["r3 = r9", "if r0 > 48 goto +2", "r3 += r0", "r1 = *(u64 *)(r3 +0)", "r3 = 1"]
    }
  }

  mutating func reloadPacket() {
    lines += ["r7 = *(u32 *)(r6 +\(form.data))", "r8 = *(u32 *)(r6 +\(form.end))"]
  }

  mutating func tailCall() {
    lines += ["r3 = \(chance(50) ? "\(Int.random(in: 0...9, using: &random))" : number())"]
    lines += ["r1 = r6", "r2 = map[tails]", "call tail_call", "r0 = 8"]
    restoreNumbers()
  }

  /// What a helper returns: any number, or one with known bounds.
  mutating func helperNumber() {
    let helpers = ["ktime_get_ns", "get_prandom_u32", "get_smp_processor_id"]
    lines.append("call \(isRepeatable ? helpers[2] : pick(helpers))")
    restoreNumbers()
    if chance(40) {
      lines += ["r3 = r9", "r5 = r0", "r5 &= \(pick([7, 31, 56]))", "r3 += r5"]
      lines += ["r0 = *(u8 *)(r3 +\(pick([0, 1, 7])))", "r3 = 1"]
    }
  }

  mutating func element() {
    let end = label()
    let map = pick(["hash", "data", "cpus", "percpu"])
    lines += [
      "*(u32 *)(r10 -40) = \(chance(50) ? "\(Int.random(in: 0...4, using: &random))" : number())",
      "r2 = r10", "r2 += -40", "r1 = map[\(map)]", "call map_lookup_elem",
    ]
    let isTested = chance(96)
    if isTested { lines.append("if r0 == 0 goto \(end)") }
    lines += ["r1 = *(u32 *)(r0 +0)", "r1 &= \(pick([3, 7, 8, 15]))", "r2 = r0", "r2 += r1"]
    lines.append(
      chance(50)
        ? "*(u8 *)(r2 +\(pick([0, 0, 1, 8]))) = 5" : "r3 = *(u8 *)(r2 +\(pick([0, 0, 1, 8])))")
    if chance(30) { lines += ["r4 = 1", "lock *(u64 *)(r0 +8) += r4"] }
    lines += ["\(end): r0 = 0"]
    restoreNumbers()
  }

  mutating func update() {
    let map = pick(["hash", "data", "percpu"])
    lines += [
      "*(u32 *)(r10 -40) = \(number())", "r2 = r10", "r2 += -40", "r1 = map[\(map)]",
    ]
    if chance(25), map == "hash" {
      lines.append("call map_delete_elem")
    } else {
      lines +=
        chance(60) ? ["r3 = r9", "r3 += \(pick([0, 16, 48, 49]))"] : ["r3 = r10", "r3 += -32"]
      lines += ["r4 = \(Int.random(in: 0...2, using: &random))", "call map_update_elem"]
    }
    restoreNumbers()
  }

  mutating func movePacket() {
    if form.isTrafficControl {
      lines += ["r1 = r6", "r2 = \(pick([0, 14, 64]))", "call skb_pull_data"]
    } else {
      lines += ["r1 = r6", "r2 = \(pick([0, 4, -4, 1]))", "call xdp_adjust_head"]
    }
    if chance(93) {
      reloadPacket()
    } else {
      lines += ["r7 = 0", "r8 = 0"]
    }
    restoreNumbers()
  }

  mutating func checksum() {
    lines += [
      "r1 = r10", "r1 += \(pick([-16, -24]))", "r2 = \(pick([4, 8, 16]))", "r3 = r9",
      "r4 = \(number())", "r4 &= \(pick([4, 12, 60, 124]))", "r5 = 0", "call csum_diff",
    ]
    restoreNumbers()
  }

  /// A function that a helper calls back; it never makes tail calls.
  mutating func callback() {
    let name = "sub\(subprograms.count)"
    subprogramNames.append(name)
    let result = chance(85) ? "r0 = \(pick([0, 1]))" : "r0 = \(pick([0, 1, 2]))"
    if chance(60) {
      lines += [
        "r1 = \(chance(50) ? "5" : number())", "r2 = function[\(name)]", "r3 = r10",
        "r3 += -24", "r4 = 0", "call loop",
      ]
      var body = ["\(name): r3 = *(u64 *)(r2 +8)", "r3 += \(pick(["1", "r1"]))"]
      if chance(50) { body += ["r3 &= 63"] }
      body += ["*(u64 *)(r2 +8) = r3", result, "exit"]
      subprograms.append(body.joined(separator: "\n"))
    } else {
      lines += [
        "r1 = map[\(isRepeatable ? "data" : pick(["hash", "data"]))]", "r2 = function[\(name)]",
        "r3 = r10",
        "r3 += -24", "r4 = 0", "call for_each_map_elem",
      ]
      let body = [
        "\(name): r5 = *(u32 *)(r2 +0)", "r5 &= \(pick([7, 15]))", "r3 += r5",
        "r1 = *(u8 *)(r3 +\(pick([0, 1])))", "*(u64 *)(r4 +8) = r1", result, "exit",
      ]
      subprograms.append(body.joined(separator: "\n"))
    }
    restoreNumbers()
    if chance(50) {
      lines += [
        "r3 = *(u64 *)(r10 -16)", "if r3 > 40 goto +3", "r2 = r9", "r2 += r3",
        "r1 = *(u8 *)(r2 +0)", "r2 = 0",
      ]
    }
  }
}
