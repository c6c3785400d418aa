import BPFInstructions
import BPFObject
import BPFRuntime

/// Turns a refusal into an error for people: source line, plain words, advice, and how the program
/// got there.
struct Explanation {
  let program: VerifierProgram
  let refusal: Refusal
  var trail: [Int32] = []
  var state: PathState?

  var error: VerifierError {
    let advice = Advice(refusal, program, state)
    var error = VerifierError(
      errno: refusal.errno, instruction: refusal.instruction, message: refusal.message,
      why: advice.why, hint: advice.hint)
    error.line = refusal.instruction.flatMap { line(at: $0) }
    error.history = history
    return error
  }

  private func line(at slot: Int) -> LineInfo? {
    program.lines.last { $0.slot <= slot }
  }

  /// The steps that set the register that the refusal is about, and the last branches.
  private var history: [VerifierError.HistoryStep] {
    guard let slot = refusal.instruction else { return [] }
    let disassembler = Disassembler(helperName: { HelperNames.name(of: $0).map { "bpf_\($0)" } })
    var wanted: Set<UInt8> = []
    if let register = refusal.register { wanted.insert(UInt8(register)) }
    var steps: [VerifierError.HistoryStep] = []
    var before = trail.map { Int($0) }
    if before.last == slot { before.removeLast() }
    var next = slot
    var branches = 0
    for place in before.suffix(4096).reversed() {
      guard steps.count < 8 else { break }
      let instruction = program.instructions[place]
      guard let operation = try? Operation(instruction, at: place) else { continue }
      let text = (try? disassembler.text(of: program.instructions, at: place)) ?? ""
      if case .branch = operation.kind, branches < 3 {
        branches += 1
        let way = next == place + 1 ? "not taken" : "taken"
        let step = VerifierError.HistoryStep(
          instruction: place, text: "\(text) (\(way))", line: line(at: place))
        // Rounds of a loop are all the same.
        if steps.last != step { steps.append(step) }
      } else if operation.writesDestination, wanted.contains(instruction.destination.rawValue) {
        wanted.remove(instruction.destination.rawValue)
        switch operation.kind {
        case .arithmetic(.move, _, .register), .signExtendingMove, .load:
          wanted.insert(instruction.source.rawValue)
        case .arithmetic(.move, _, .immediate), .loadImmediate64: break
        default: wanted.insert(instruction.destination.rawValue)
        }
        steps.append(.init(instruction: place, text: text, line: line(at: place)))
      } else if case .callHelper = operation.kind, wanted.contains(0) {
        wanted.remove(0)
        steps.append(.init(instruction: place, text: text, line: line(at: place)))
      } else if movesPacket(operation, instruction) {
        steps.append(
          .init(
            instruction: place, text: "\(text) (packet pointers from before are stale)",
            line: line(at: place)))
      }
      next = place
    }
    return steps
  }

  /// Whether a number that should be an address was one until this call.
  private func movesPacket(_ operation: Operation, _ instruction: Instruction) -> Bool {
    guard case .callHelper = operation.kind, refusal.message.contains("mem access 'scalar'") else {
      return false
    }
    return HelperTable.signatures[instruction.immediate]?.changesPacket == true
  }
}
