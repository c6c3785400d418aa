// Accesses to the packet, to values of maps, to the stack and to the context.
extension ProgramGenerator {
  mutating func packet() {
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

  mutating func value() {
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

  mutating func spill() {
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

  mutating func lookup() {
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

  mutating func stackByNumber() {
    lines += [
      "r3 = r10", "r3 += -32", "r0 = \(number())", "r0 &= \(chance(80) ? 24 : 56)",
      "r3 = r10", "r3 += -32", "r3 += r0",
    ]
    lines.append(
      chance(50)
        ? "*(u64 *)(r3 +0) = r4" : chance(50) ? "r0 = *(u64 *)(r3 +0)" : "*(u8 *)(r3 +1) = 0")
    lines += ["r3 = 7"]
  }

  mutating func atomic() {
    let place = chance(50) ? "r9 +48" : "r10 -8"
    let size = chance(70) ? 64 : 32
    let pointer = "(u\(size) *)(\(place))"
    let prefix = size == 64 ? "atomic64" : "atomic"
    switch Int.random(in: 0..<6, using: &random) {
    case 0: lines.append("lock *\(pointer) += \(number())")
    case 1: lines.append("lock *\(pointer) \(pick(["|=", "&=", "^="])) r4")
    case 2:
      let name = pick(["fetch_add", "fetch_or", "fetch_and", "fetch_xor", "xchg"])
      lines.append("r4 = \(prefix)_\(name)(\(pointer), r4)")
    case 3:
      lines.append("r0 = \(prefix)_cmpxchg(\(pointer), r0, r4)")
      // Linux 6.18 leaves the upper half of r0 as it was where another path has made it forget
      // that somebody reads it.
      if isRepeatable, size == 32 { lines.append("w0 = w0") }
    default: lines.append("r4 = atomic64_fetch_add((u64 *)(\(place)), r4)")
    }
    if chance(30) {
      lines += ["r3 = r9", "r0 = r4", "r0 &= 31", "r3 += r0", "r0 = *(u32 *)(r3 +4)", "r3 = 8"]
    }
  }

  /// An address that goes through the stack, tested before or after.
  mutating func spilledPointer() {
    let end = label()
    lines += [
      "*(u32 *)(r10 -40) = \(chance(50) ? "1" : "r4")", "r2 = r10", "r2 += -40",
      "r1 = map[\(pick(["hash", "data", "cpus"]))]", "call map_lookup_elem",
      "*(u64 *)(r10 -48) = r0",
    ]
    let first = chance(50)
    if first { lines.append("if r0 == 0 goto \(end)") }
    lines += ["r1 = 1", "r3 = *(u64 *)(r10 -48)"]
    if !first, chance(90) { lines.append("if r3 == 0 goto \(end)") }
    lines.append("r1 = *(u\(pick([8, 16, 32])) *)(r3 +\(pick([0, 4, 8, 12])))")
    if chance(50) { lines.append("*(u64 *)(r3 +8) = r1") }
    lines += ["\(end): r0 = 3", "*(u64 *)(r10 -48) = 0"]
    restoreNumbers()
  }

  /// A walk over headers of unknown length, as through IPv6 extensions.
  mutating func packetWalk() {
    let end = label()
    lines += ["r3 = r7", "r0 = 0"]
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let length = pick([2, 4, 8])
      lines += ["r2 = r3", "r2 += \(length)", "if r2 > r8 goto \(end)"]
      lines += ["r1 = *(u8 *)(r3 +\(chance(95) ? 1 : length))", "r1 &= \(pick([3, 15, 255]))"]
      if chance(50) { lines += ["if r1 == \(Int.random(in: 0...9, using: &random)) goto \(end)"] }
      if chance(50) { lines.append("r1 <<= \(Int.random(in: 0...3, using: &random))") }
      if chance(30) { lines.append("r1 += \(pick([2, 8]))") }
      lines += ["r0 += r1", "r3 += r1"]
    }
    lines += ["\(end): r2 = 4", "r3 = r0"]
  }

  /// Fields of the context.
  mutating func context() {
    let fields = form.isTrafficControl ? [0, 4, 8, 16, 48, 52, 60] : [8, 12, 16]
    if form.isTrafficControl, chance(40) {
      lines.append("*(u32 *)(r6 +\(pick([8, 48, 56, 64]))) = r4")
    }
    let field = chance(97) ? pick(fields) : 20
    let isMetadata = !form.isTrafficControl && field == 8
    if isMetadata {
      // Metadata lie before the packet.
      let end = label()
      lines += [
        "r3 = *(u32 *)(r6 +8)", "r2 = r3", "r2 += 4", "if r2 > r7 goto \(end)",
        "r1 = *(u32 *)(r3 +0)", "\(end): r3 = 1", "r2 = 1", "r1 = 1",
      ]
    } else {
      lines.append("\(number()) = *(u32 *)(r6 +\(field))")
    }
  }
}
