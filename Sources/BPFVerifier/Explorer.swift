import BPFInstructions
import BPFRuntime

/// Walks every path of a program that values allow, and checks each instruction on the way.
///
/// A path ends at the program's exit, or where it reaches an instruction in a state that an earlier
/// path has covered. The unexplored side of every fork waits in ``pending``.
struct Explorer {
  let program: VerifierProgram
  let code: CodeMap
  let options: VerifierOptions

  var state: PathState
  var slot = 0
  /// The saved state that this path passed last: its index in ``states``.
  var parent = SavedState.none
  /// Stack slots that were written whole since then.
  var written = StackMasks()
  var pending: [PendingPath] = []
  /// The registers of pending paths, in the same order.
  var pendingRegisters = SavedRegisters()
  /// All states that were saved. They name each other by index, which costs no reference counts.
  var states: [SavedState] = []
  var savedRegisters = SavedRegisters()
  /// Covered paths whose needs depend on states that are still followed.
  var followers: [Follower] = []
  /// Reads that have yet to be noted in the states of such paths.
  var pendingReads: [(state: Int32, slots: UInt64)] = []
  /// By slot: the state that was saved there last.
  var newest: [Int32]
  /// For comparing states.
  var ids = IDMap()
  var provenance = Provenance()
  var lastID: UInt32 = 0

  var processed = 0
  var peakPending = 0
  var statesPerInstruction = 0
  var jumps = 0
  var jumpsAtSave = 0
  var processedAtSave = 0

  var facts: [InstructionFacts]
  var trail: PathTrail
  var log: VerifierLog
  /// The global function whose body is being verified; `nil` for the program itself.
  var globalFunction: Int?
  /// Global functions that some path calls.
  var calledGlobals: Set<Int> = []
  /// Functions that timers call.
  var laterCalls: Set<LaterCall> = []
  /// By slot: which kind of handle it reads through.
  var handleKinds: [Int: UInt8] = [:]
  /// By function, in bytes.
  var stackDepths: [Int32]
  let returnValues: ReturnRule

  /// How a path goes on after an instruction.
  enum Flow {
    case next
    case to(Int)
    case ended
  }

  init(_ program: VerifierProgram, _ code: CodeMap, _ options: VerifierOptions) {
    self.program = program
    self.code = code
    self.options = options
    newest = [Int32](repeating: SavedState.none, count: code.kinds.count)
    facts = [InstructionFacts](repeating: InstructionFacts(), count: code.kinds.count)
    stackDepths = [Int32](repeating: 0, count: code.functions.count)
    state = PathState(frame: Frame(function: 0, callSite: -1, depth: 0))
    trail = PathTrail()
    log = VerifierLog(level: options.logLevel)
    returnValues = ReturnRule(program)
  }

  mutating func newID() -> UInt32 {
    lastID &+= 1
    return lastID
  }

  /// Follows all paths from the first slot of a function on.
  mutating func explore(from start: Int) throws(Refusal) {
    slot = start
    parent = SavedState.none
    written = StackMasks()
    written[0] = StackMasks.allWritten
    trail.reset()
    if !states.isEmpty { forgetStates() }
    repeat { try followPath() } while nextPath()
  }

  private mutating func followPath() throws(Refusal) {
    while true {
      guard slot < code.kinds.count else {
        throw Refusal(
          errno: 14, message: "invalid insn idx \(slot) insn_cnt \(code.kinds.count)",
          instruction: slot)
      }
      processed &+= 1
      guard processed <= Limits.instructions else {
        throw Refusal.tooBig(
          "BPF program is too large. Processed \(processed) insn"
        ).at(slot)
      }
      facts[slot].isReached = true
      if code.isPrunePoint[slot], try isCovered() {
        log.note(covered: slot)
        return
      }
      trail.append(slot)
      if log.level > 0 { log.note(slot, program, state) }
      let flow: Flow
      do throws(Refusal) {
        flow = try step()
      } catch {
        throw error.at(slot)
      }
      switch flow {
      case .next: slot &+= 1
      case .to(let target): slot = target
      case .ended: return
      }
    }
  }

  /// Forgets what was saved: another function's states are no use.
  private mutating func forgetStates() {
    for index in newest.indices { newest[index] = SavedState.none }
  }
}

// Registers of the running frame.
extension Explorer {
  @inline(__always)
  subscript(_ register: Register) -> RegisterState {
    get { state.frame.registers[Int(register.rawValue)] }
    set { state.frame.registers[Int(register.rawValue)] = newValue }
  }

  /// A register that has to hold something.
  @inline(__always)
  func read(_ register: Register) throws(Refusal) -> RegisterState {
    try checkReadable(register)
    return self[register]
  }

  @inline(__always)
  func checkReadable(_ register: Register) throws(Refusal) {
    guard state.frame.registers[Int(register.rawValue)].kind != .uninitialized else {
      throw unreadable(register)
    }
  }

  @inline(never)
  private func unreadable(_ register: Register) -> Refusal {
    .access("R\(register.rawValue) !read_ok", register: Int(register.rawValue))
  }

  /// After a call: its arguments and its result are gone.
  mutating func clearCallerSaved() {
    for number in 0...5 { state.frame.registers[number] = .uninitialized }
  }

  /// The exact bounds of a number mattered.
  @inline(__always)
  mutating func needsPrecisely(_ value: RegisterState) {
    if value.kind == .scalar { provenance.markPrecise(value.source) }
  }

  /// A number that nothing is known of.
  func unknown() -> RegisterState { .unknown }
}
