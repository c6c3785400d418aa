import BPFInstructions
import BPFObject
import BPFRuntime

/// What a refusal means in plain words, and what can be done about it.
struct Advice {
  let why: String
  let hint: String

  init(_ refusal: Refusal, _ program: VerifierProgram, _ state: PathState?) {
    for (part, why, hint) in Self.table + Self.rarer where refusal.message.contains(part) {
      let blanks = AdviceBlanks(refusal: refusal, program: program, state: state)
      (self.why, self.hint) = (blanks.filled(why), blanks.filled(hint))
      return
    }
    why = "The verifier cannot prove that this is safe."
    hint = ""
  }
}

/// What is known of a refusal, for the blanks of an advice: `{end}` and its like.
struct AdviceBlanks {
  let refusal: Refusal
  let program: VerifierProgram
  let state: PathState?

  func filled(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let start = rest.firstIndex(of: "{"), let end = rest[start...].firstIndex(of: "}") {
      result += rest[..<start]
      result += content(String(rest[rest.index(after: start)..<end]))
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  private func content(_ blank: String) -> String {
    switch blank {
    case "end": return accessEnd.map { "data + \($0)" } ?? "data + SIZE"
    case "here":
      return place(refusal.instruction).map { "at \($0)" }
        ?? refusal.instruction.map { "at instruction \($0)" } ?? ""
    case "bound": return bound
    case "source": return source
    case "release": return release
    case "types": return types
    case "values": return values
    case "field": return field
    case "copy": return copy
    default: return ""
    }
  }

  private func place(_ slot: Int?) -> String? {
    guard let slot, let line = program.lines.last(where: { $0.slot <= slot }) else { return nil }
    let file = line.file.hasPrefix("./") ? String(line.file.dropFirst(2)) : line.file
    return "\(file):\(line.line)"
  }

  private var instruction: Instruction? { refusal.instruction.map { program.instructions[$0] } }

  private var accessSize: Int {
    guard let slot = refusal.instruction, let instruction,
      let kind = try? Operation(instruction, at: slot).kind
    else { return 1 }
    switch kind {
    case .load(let size, _), .store(let size, _): return size.byteCount
    default: return 1
    }
  }

  private var value: RegisterState? {
    guard let number = refusal.register, let state else { return nil }
    return state.frame.registers[min(number, 10)]
  }

  /// How many bytes of the packet an access needs.
  private var accessEnd: Int? {
    guard let instruction, let value else { return nil }
    return Int(value.offset) + Int(instruction.offset) + accessSize
  }

  /// The comparison that keeps an index inside a map's value.
  private var bound: String {
    guard let value, value.kind == .mapValue, value.map >= 0 else {
      return "if (index >= COUNT) return 0;"
    }
    let byteCount = program.maps[Int(value.map)].valueSize
    guard !value.hasFixedOffset, byteCount.isMultiple(of: accessSize) else {
      return "give the map's value more than its \(byteCount) bytes, or access less of it"
    }
    let count = byteCount / accessSize
    return "if (index >= \(count)) return 0;  (\(byteCount) bytes, \(accessSize) at each index)"
  }

  /// Where the handle that is missing came from.
  private var source: String {
    guard let reference = state?.references.first else { return "A handle" }
    return place(reference.instruction).map { "What was taken at \($0)" }
      ?? "What instruction \(reference.instruction) took"
  }

  /// The call that gives a handle back.
  private var release: String {
    guard let reference = state?.references.first else { return "give it back" }
    switch program.instructions[reference.instruction].immediate {
    case 131: return "bpf_ringbuf_discard(event, 0);"
    case 198: return "bpf_ringbuf_discard_dynptr(&dynptr, 0);"
    default: return "bpf_sk_release(sk);"
    }
  }

  /// Types of programs that may call the helper.
  private var types: String {
    guard let helper = instruction?.immediate else { return "another type of program" }
    if program.type.permits(helper) { return "nobody but programs that are verified as privileged" }
    var names: [String] = []
    for number in UInt32(1)...32 {
      guard let type = ProgramType.described(number: number, expectedAttachType: 0),
        type.permits(helper), !names.contains(type.name)
      else { continue }
      names.append(type.name)
    }
    guard !names.isEmpty else { return "no type of program that is described here" }
    return "programs of type " + names.prefix(6).joined(separator: ", ")
      + (names.count > 6 ? " and others" : "")
  }

  /// The values in Linux's message that a program may return.
  private var values: String {
    guard let range = refusal.message.firstRange(of: /\[-?[0-9]+, -?[0-9]+\]$/) else { return "0" }
    let bounds = refusal.message[range].dropFirst().dropLast().split(separator: ", ")
    switch (bounds.first, bounds.last) {
    case (let first?, let last?) where first == last: return String(first)
    case ("0", "1"): return "0 or 1"
    case (let first?, let last?): return "\(first) to \(last)"
    default: return "0"
    }
  }

  private var isReadable: Bool {
    guard let instruction else { return false }
    return program.type.context.field(
      at: Int(instruction.offset), size: accessSize, isWrite: false) != nil
  }

  /// What is wrong with an access to the context.
  private var field: String {
    isReadable
      ? "Programs of this type may read this field, but not write it."
      : "This type of program has no such field, or not in this size."
  }

  private var copy: String {
    isReadable
      ? "__u32 copy = ctx->field;  and change the copy"
      : "__u32 value = ctx->field;  reads the whole field, with its type there"
  }
}
