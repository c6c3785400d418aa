// What the sections of programs do. r6 to r10 hold the same in all: the context, the packet, its
// end, a sum, the stack; the other registers are free.
extension DatapathGenerator {
  mutating func parse() {
    let end = label()
    let transport = label()
    let version6 = label()
    lines.append("r1 = r7")
    bounds("r1", 14, else: end)
    lines += ["r3 = *(u16 *)(r1 +12)", "r1 += 14"]
    for _ in 0..<2 {
      let untagged = label()
      lines.append("if r3 != 129 goto \(untagged)")
      bounds("r1", 4, else: end)
      lines += ["r3 = *(u16 *)(r1 +2)", "r1 += 4", "\(untagged): r4 = 0"]
    }
    lines.append("if r3 != 8 goto \(version6)")
    bounds("r1", 20, else: end)
    lines += [
      "r4 = *(u8 *)(r1 +0)", "r4 &= 15", "r4 <<= 2", "if r4 < 20 goto \(end)",
      "r5 = *(u8 *)(r1 +9)", "r1 += r4", "goto \(transport)",
      "\(version6): if r3 != 56710 goto \(end)",
    ]
    bounds("r1", 40, else: end)
    lines += ["r5 = *(u8 *)(r1 +6)", "r1 += 40"]
    for kind in [0, 43, 60] {
      let absent = label()
      lines.append("if r5 != \(kind) goto \(absent)")
      bounds("r1", 8, else: end)
      lines += [
        "r5 = *(u8 *)(r1 +0)", "r4 = *(u8 *)(r1 +1)", "r4 &= 7", "r4 <<= 3", "r4 += 8",
        "r1 += r4", "\(absent): r4 = 0",
      ]
    }
    let datagram = label()
    lines.append("\(transport): if r5 != 6 goto \(datagram)")
    bounds("r1", 20, else: end)
    lines += ["r3 = *(u16 *)(r1 +\(pick([0, 2, 14])))", "r9 += r3", "goto \(end)"]
    lines.append("\(datagram): if r5 != \(pick([17, 136])) goto \(end)")
    bounds("r1", 8, else: end)
    lines += ["r3 = *(u16 *)(r1 +2)", "r9 ^= r3", "\(end): r9 += 1"]
  }

  mutating func rule(_ section: Int) {
    let end = label()
    lines += [
      "r1 = *(u64 *)(r10 -\(pick([8, 16])))", "r1 &= \(0xffff >> number(0...12))",
      "if r1 \(pick(["!=", ">", "<"])) \(number(0...4000)) goto \(end)",
      "r2 = *(u64 *)(r10 -24)", "r2 &= 65535", "if r2 < \(number(0...1000)) goto \(end)",
      "if r2 > \(number(1000...60000)) goto \(end)", "r3 = *(u64 *)(r10 -32)", "r3 &= 255",
      "if r3 != \(pick([1, 6, 17])) goto \(end)",
    ]
    if section % 4 == 0 {
      lines += [
        "*(u32 *)(r10 -40) = \(section % 256)", "r2 = r10", "r2 += -40", "r1 = map[counters]",
        "call map_lookup_elem", "if r0 == 0 goto \(end)", "r1 = 1",
        "lock *(u64 *)(r0 +0) += r1",
      ]
    } else {
      lines.append("r9 |= \(1 << (section % 8))")
    }
    lines.append("\(end): r9 += 1")
  }

  mutating func translate() {
    let end = label()
    let found = label()
    lines += [
      "r1 = *(u64 *)(r10 -8)", "*(u64 *)(r10 -64) = r1", "r1 = *(u64 *)(r10 -24)",
      "r1 += \(number(0...99))", "*(u64 *)(r10 -56) = r1", "r2 = r10", "r2 += -64",
      "r1 = map[flows]", "call map_lookup_elem", "if r0 != 0 goto \(found)",
      "*(u64 *)(r10 -96) = \(number(1...9))", "r1 = *(u64 *)(r10 -16)",
      "*(u64 *)(r10 -88) = r1", "*(u64 *)(r10 -80) = r1", "*(u64 *)(r10 -72) = 0",
      "r2 = r10", "r2 += -64", "r3 = r10", "r3 += -96", "r4 = 0", "r1 = map[flows]",
      "call map_update_elem", "if r0 s< 0 goto \(end)", "r9 += 1", "goto \(end)",
      "\(found): r1 = *(u64 *)(r0 +8)", "r1 += 1", "*(u64 *)(r0 +8) = r1",
      "r3 = *(u16 *)(r0 +16)",
    ]
    bounds("r7", 40, else: end)
    let other = label()
    lines += [
      "r4 = *(u16 *)(r7 +24)", "r5 = *(u16 *)(r7 +36)", "if r5 == r3 goto \(other)",
      "*(u16 *)(r7 +36) = r3", "r4 += r5", "r4 -= r3", "r5 = r4", "r5 >>= 16", "r4 &= 65535",
      "r4 += r5", "*(u16 *)(r7 +24) = r4", "\(other): r5 = *(u32 *)(r0 +24)",
      "if r5 != \(number(0...5)) goto \(end)", "*(u32 *)(r0 +24) = \(number(0...5))",
      "\(end): r9 += 2",
    ]
  }

  mutating func sum(_ section: Int) {
    let end = label()
    let start = section % 16 * 64
    lines += ["r1 = r7", "r1 += \(start)"]
    bounds("r1", 64, else: end)
    lines.append("r4 = 0")
    for word in 0..<16 { lines += ["r3 = *(u32 *)(r1 +\(word * 4))", "r4 += r3"] }
    lines += ["r3 = r4", "r3 >>= 32", "r4 <<= 32", "r4 >>= 32", "r4 += r3"]
    let isOdd = label()
    lines += [
      "r3 = r4", "r3 >>= 16", "r4 &= 65535", "r4 += r3", "r3 = *(u8 *)(r1 +\(number(0...63)))",
      "if r3 & 1 goto \(isOdd)", "r4 ^= 65535", "\(isOdd): r9 += r4", "*(u16 *)(r1 +10) = r4",
      "\(end): r9 &= 65535",
    ]
  }

  mutating func transition() {
    let end = label()
    lines += [
      "r1 = *(u64 *)(r10 -48)", "r2 = *(u32 *)(r1 +0)", "r3 = *(u8 *)(r7 +\(number(0...63)))",
    ]
    for state in 0..<number(3...6) {
      let next = label()
      let inner = label()
      lines += [
        "if r2 != \(state) goto \(next)", "if r3 > \(number(20...200)) goto \(inner)",
        "r4 = *(u32 *)(r1 +\(4 * number(1...15)))", "if r4 == \(number(0...9)) goto \(end)",
        "r4 += 1", "*(u32 *)(r1 +\(4 * number(1...15))) = r4", "*(u32 *)(r1 +0) = \(number(0...5))",
        "goto \(end)", "\(inner): if r3 & \(1 << number(0...6)) goto \(end)",
        "*(u32 *)(r1 +0) = \(number(0...5))", "r9 += \(number(1...9))", "goto \(end)",
        "\(next): r4 = 0",
      ]
    }
    lines.append("\(end): r9 += r3")
  }

  mutating func function(_ section: Int) {
    // Linux takes 256 functions: after 120 pairs the same ones are called again.
    let count = 120
    let index = section % count
    lines += ["r1 = r7", "r2 = r8", "r3 = \(number(0...7))", "call f\(index)", "r9 += r0"]
    guard section < count else {
      lines += ["if r0 > \(number(0...200)) goto +1", "r9 ^= 5"]
      return
    }
    var body = ["f\(index): r6 = r1", "r7 = r2", "r8 = 0", "*(u64 *)(r10 -8) = r3"]
    for check in 0..<6 {
      let end = label()
      body += [
        "r4 = r6", "r4 += \(8 * check + 8)", "if r4 > r7 goto \(end)",
        "r5 = *(u8 *)(r6 +\(8 * check + number(0...7)))",
        "if r5 > \(number(0...255)) goto \(end)", "r8 += r5", "\(end): r8 &= 255",
      ]
    }
    body += ["r1 = r6", "r2 = r7", "r3 = *(u64 *)(r10 -8)", "call g\(index)", "r0 += r8", "exit"]
    let end = label()
    body += [
      "g\(index): r0 = 0", "if r3 > 16 goto \(end)", "r1 += r3", "r4 = r1", "r4 += 4",
      "if r4 > r2 goto \(end)", "r0 = *(u32 *)(r1 +0)", "r0 &= 127", "\(end): exit",
    ]
    addFunction(body)
  }

  mutating func spilled() {
    let end = label()
    let first = 120 + 8 * number(0...11)
    let second = 120 + 8 * number(0...11)
    let third = 120 + 8 * number(0...11)
    lines += [
      "r1 = *(u64 *)(r10 -\(first))", "r1 &= 255", "r2 = *(u64 *)(r10 -\(second))",
      "if r1 > \(number(10...200)) goto \(end)", "r3 = r1", "r3 += r2", "r3 &= 255",
      "*(u64 *)(r10 -\(third)) = r3", "r4 = *(u64 *)(r10 -48)", "r2 &= \(pick([31, 56]))",
      "r4 += r2", "r5 = *(u8 *)(r4 +\(number(0...7)))", "if r5 == \(number(0...9)) goto \(end)",
      "r3 = *(u64 *)(r10 -\(third))", "r3 ^= r5", "*(u64 *)(r10 -\(third)) = r3",
      "\(end): r9 += 1",
    ]
  }

  mutating func walkOptions() {
    let end = label()
    let start = label()
    let skip = label()
    lines += ["r1 = r7", "r1 += \(number(14...54))", "r4 = 0", "*(u64 *)(r10 -104) = r4"]
    lines += ["\(start): r4 = *(u64 *)(r10 -104)", "if r4 > \(number(3...7)) goto \(end)"]
    lines += ["r4 += 1", "*(u64 *)(r10 -104) = r4"]
    bounds("r1", 2, else: end)
    lines += [
      "r3 = *(u8 *)(r1 +0)", "if r3 == 0 goto \(end)", "if r3 != 1 goto \(skip)", "r1 += 1",
      "goto \(start)", "\(skip): r5 = *(u8 *)(r1 +1)", "if r5 < 2 goto \(end)",
      "if r5 > 40 goto \(end)", "if r3 != \(number(2...9)) goto +1", "r9 += r5", "r1 += r5",
      "goto \(start)", "\(end): r9 += 1",
    ]
  }
}
