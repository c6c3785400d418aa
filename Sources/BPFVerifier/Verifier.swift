import BPFInstructions
import BPFObject
public import BPFRuntime

/// How strict the verifier is and what it tells.
public struct VerifierOptions: Sendable {
  /// The rules for programs of people without privileges: no address may leave the program, none
  /// may be compared, nothing uninitialised may be read.
  public var isStrict: Bool
  /// 0 writes no log, 1 one line per instruction, 2 the state before each instruction too.
  public var logLevel: Int

  /// Options; by default Linux's rules for privileged programs, without a log.
  public init(isStrict: Bool = false, logLevel: Int = 0) {
    self.isStrict = isStrict
    self.logLevel = logLevel
  }
}

/// A program that touches only its own memory and ends, and what else was proved of it.
public struct VerifiedProgram: Sendable {
  /// By slot: what every path does there.
  public let facts: [InstructionFacts]
  /// The functions' first slots, ascending; the first is the program's own.
  public let functionStarts: [Int]
  /// By function: bytes of stack that it uses.
  public let stackDepths: [Int]
  /// How much work it was.
  public let statistics: VerifierStatistics
  /// The log; empty at level 0.
  public let log: String
}

/// How much work a program was to verify.
public struct VerifierStatistics: Hashable, Sendable {
  /// Instructions that were looked at, each as often as a path got there.
  public var processedInstructions = 0
  /// States that were kept for comparison.
  public var states = 0
  /// The most states that were compared with at one instruction.
  public var statesPerInstruction = 0
  /// The most sides of forks that waited at one time.
  public var peakPendingPaths = 0
  /// Bytes that states, waiting paths and the graph of numbers took at the end, when they are most.
  public var byteCount = 0

  /// No work at all.
  public init() {}

  init(
    processedInstructions: Int, states: Int, statesPerInstruction: Int, peakPendingPaths: Int,
    byteCount: Int
  ) {
    self.processedInstructions = processedInstructions
    self.states = states
    self.statesPerInstruction = statesPerInstruction
    self.peakPendingPaths = peakPendingPaths
    self.byteCount = byteCount
  }
}

/// Proves programs safe: that they touch only their own memory, in the ways that their type allows,
/// and come to an end.
///
/// ```swift
/// let verified = try Verifier(program).verify()
/// ```
///
/// Goes by Linux's rules and verdicts (Linux 6.18). The work is at most a million instructions, or
/// the program is refused.
public struct Verifier: Sendable {
  private let program: VerifierProgram
  private let options: VerifierOptions

  /// Prepares to verify a program.
  public init(_ program: VerifierProgram, options: VerifierOptions = VerifierOptions()) {
    self.program = program
    self.options = options
  }

  /// Verifies the program.
  ///
  /// - Throws: ``VerifierError`` for the first thing that is wrong.
  public func verify() throws(VerifierError) -> VerifiedProgram {
    try verify { _ in }
  }

  /// The same; `log` gets the log also of a program that is refused.
  public func verify(log: (String) -> Void) throws(VerifierError) -> VerifiedProgram {
    let code: CodeMap
    do throws(Refusal) {
      code = try StructureCheck.run(program)
    } catch {
      log(error.message + "\n")
      throw Explanation(program: program, refusal: error).error
    }
    var explorer = Explorer(program, code, options)
    do throws(Refusal) {
      try explorer.verifyAll()
    } catch {
      explorer.log.append(error.message)
      log(explorer.log.text)
      throw Explanation(
        program: program, refusal: error, trail: explorer.trail.slots, state: explorer.state
      ).error
    }
    explorer.log.append(explorer.summary)
    log(explorer.log.text)
    return VerifiedProgram(
      facts: explorer.facts, functionStarts: code.functions.map(\.start),
      stackDepths: explorer.stackDepths.map { Int($0) },
      statistics: VerifierStatistics(
        processedInstructions: explorer.processed, states: explorer.states.count,
        statesPerInstruction: explorer.statesPerInstruction,
        peakPendingPaths: explorer.peakPending, byteCount: explorer.byteCount),
      log: explorer.log.text)
  }
}

extension Explorer {
  /// Linux's last line.
  var summary: String {
    "processed \(processed) insns (limit \(Limits.instructions)) max_states_per_insn "
      + "\(statesPerInstruction) total_states \(states.count) peak_states \(states.count) "
      + "mark_read 0"
  }

  /// What is kept for comparison; stacks that states share are counted once for each.
  var byteCount: Int {
    var total = states.count * MemoryLayout<SavedState>.stride
    total += savedRegisters.byteCount + provenance.byteCount
    total += peakPending * MemoryLayout<PendingPath>.stride
    for state in states { total += state.stack.count * MemoryLayout<StackSlot>.stride }
    return total
  }

  /// Verifies the program, then every global function that it calls.
  mutating func verifyAll() throws(Refusal) {
    state.frame.registers[1] = .pointer(.context)
    try explore(from: 0)
    var verified: Set<Int> = []
    while let index = calledGlobals.subtracting(verified).min() {
      try verifyGlobal(index)
      verified.insert(index)
    }
    var depths = StackDepthCheck(
      code: code, depths: stackDepths, type: program.type.number)
    try depths.run(from: 0)
    for index in code.functions.indices
    where code.functions[index].isCallback {
      try depths.run(from: index)
    }
  }

  private mutating func verifyGlobal(_ index: Int) throws(Refusal) {
    let function = code.functions[index]
    guard let prototype = function.prototype else {
      throw .invalid("func#\(index) has no type")
    }
    globalFunction = index
    state = PathState(frame: Frame(function: index, callSite: -1, depth: 0))
    for (position, parameter) in prototype.parameters.prefix(5).enumerated() {
      state.frame.registers[position + 1] = try argument(parameter, position, index)
    }
    try explore(from: function.start)
    globalFunction = nil
  }

  private mutating func argument(
    _ parameter: FunctionPrototype.Value, _ position: Int, _ index: Int
  ) throws(Refusal) -> RegisterState {
    switch parameter {
    case .number: return .unknown
    case .pointer(let structure, let byteCount, let isNonNull):
      if program.type.contextStructures.contains(structure) { return .pointer(.context) }
      guard byteCount > 0 else { break }
      var value = RegisterState.pointer(isNonNull ? .memory : .memoryOrNull)
      value.range = byteCount
      if !isNonNull { value.id = newID() }
      return value
    case .void, .other: break
    }
    throw .invalid(
      "Arg#\(position) type in func#\(index) ('\(code.functions[index].name)') is not "
        + "supported yet."
    )
  }
}
