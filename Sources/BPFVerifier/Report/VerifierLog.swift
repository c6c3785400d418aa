import BPFInstructions
import BPFRuntime

/// What the verifier did, in the format of Linux's log.
struct VerifierLog {
  let level: Int
  private(set) var text = ""
  private var lastPrinted = -1

  init(level: Int) {
    self.level = level
  }

  mutating func note(covered slot: Int) {
    if level > 0 { text += "\(slot): safe\n" }
  }

  mutating func note(resumedAt slot: Int) {
    if level > 0 { text += "\nfrom \(lastPrinted) to \(slot): " }
    lastPrinted = -1
  }

  mutating func note(_ slot: Int, _ program: VerifierProgram, _ state: PathState) {
    let isAfterJump = slot != lastPrinted + 1
    if level > 1 || isAfterJump { text += "\(slot): \(Self.describe(state))\n" }
    let disassembler = Disassembler(helperName: { HelperNames.name(of: $0).map { "bpf_\($0)" } })
    let instruction = (try? disassembler.text(of: program.instructions, at: slot)) ?? "?"
    let opcode = String(program.instructions[slot].opcode, radix: 16)
    text += "\(slot): (\(opcode.count < 2 ? "0" : "")\(opcode)) \(instruction)\n"
    lastPrinted = slot
  }

  mutating func append(_ line: String) {
    if level > 0 { text += line + "\n" }
  }

  /// The registers and the stack of the running frame.
  static func describe(_ state: PathState) -> String {
    var parts: [String] = []
    if state.depth > 0 { parts.append("frame\(state.depth):") }
    for number in 0...10 {
      let value = state.frame.registers[number]
      guard value.kind != .uninitialized else { continue }
      parts.append("R\(number)=\(value.logText)")
    }
    for (index, slot) in state.frame.stack.enumerated() where slot.bytes != 0 {
      let content = slot.isSpilled ? slot.value.logText : slot.byteText
      parts.append("fp-\((index + 1) * 8)=\(content)")
    }
    if !state.references.isEmpty {
      parts.append("refs=" + state.references.map { String($0.id) }.joined(separator: ","))
    }
    return parts.joined(separator: " ")
  }
}

extension StackSlot {
  /// One letter per byte, the highest address first, as Linux prints it.
  var byteText: String {
    let letters: [Character] = ["?", "r", "m", "0", "d"]
    return String((0..<8).reversed().map { letters[Int(self[byte: $0])] })
  }
}

extension RegisterState {
  /// As Linux prints a register in its log.
  var logText: String {
    if kind == .scalar {
      if let constant { return "\(Int64(bitPattern: constant))" }
      let facts = linkText + scalar.logFacts
      return "scalar(\(facts.joined(separator: ",")))"
    }
    if kind == .stack {
      return "fp\(fixedOffset ?? Int64(offset))" + (hasFixedOffset ? "" : "+var")
    }
    var facts: [String] = []
    if id != 0 { facts.append("id=\(id)") }
    if reference != 0 { facts.append("ref_obj_id=\(reference)") }
    if offset != 0 { facts.append("off=\(offset)") }
    if kind.isPacket { facts.append("r=\(range)") }
    if kind == .memory || kind == .memoryOrNull { facts.append("sz=\(range)") }
    if !scalar.isConstant { facts += scalar.logFacts }
    return "\(kind.logName)(\(facts.joined(separator: ",")))"
  }

  private var linkText: [String] {
    if id == 0 { return [] }
    return ["id=\(id)" + (isLinkedByDistance ? "+\(offset)" : "")]
  }
}

extension Scalar {
  /// The bounds that say something, then the known bits.
  var logFacts: [String] {
    var facts: [String] = []
    if signedMinimum != .min { facts.append("smin=\(signedMinimum)") }
    if signedMaximum != .max { facts.append("smax=\(signedMaximum)") }
    if minimum != 0 { facts.append("umin=\(minimum)") }
    if maximum != .max { facts.append("umax=\(maximum)") }
    let fitsWord = maximum <= 0xffff_ffff
    if signedMinimum32 != .min, Int64(signedMinimum32) != signedMinimum {
      facts.append("smin32=\(signedMinimum32)")
    }
    if signedMaximum32 != .max, Int64(signedMaximum32) != signedMaximum {
      facts.append("smax32=\(signedMaximum32)")
    }
    if minimum32 != 0, !fitsWord { facts.append("umin32=\(minimum32)") }
    if maximum32 != .max, !fitsWord { facts.append("umax32=\(maximum32)") }
    if bits.unknown != .max { facts.append("var_off=\(bits.text)") }
    return facts
  }
}
