// UNSAFE. The virtual CPU: its memory, and the way into a program.
//
// Invariant: stack, frame records, log and words are owned here and used by one thread at a time,
// the one that calls `run`; a program that runs is kept alive by its caller or by a slot, and by
// the epoch after it has left its slot.

import BPFInstructions
import Synchronization

/// A virtual CPU: whoever runs programs owns one.
///
/// It carries the stack, the hop budget, the index of per-CPU values, the clock and the random
/// state. It belongs to one thread at a time.
public final class CPU {
  /// Time as programs see it.
  public enum Clock: Hashable, Sendable {
    /// The system's monotonic clock.
    case real
    /// Stands still at this many nanoseconds.
    case fixed(UInt64)
  }

  /// How accesses to memory are tested in interpreted programs; compiled ones never are.
  public enum Mode: Hashable, Sendable {
    /// Every access is tested; a bad one ends the run with a ``Fault``.
    case checked
    /// Nothing is tested: memory-safe only for programs that are known to touch nothing but their
    /// own memory, and impossible for contexts with packet pointers.
    case unchecked
  }

  /// What a top-level run came to.
  public struct Result: Hashable, Sendable {
    /// r0 of the program that ended the run.
    public var returnValue: UInt64
    /// Hops that were made.
    public var hops: Int
    /// Instructions that were executed; only counted in checked runs.
    public var instructions: UInt64
  }

  /// The runtime it belongs to.
  public let runtime: Runtime
  /// Which of the runtime's possible CPUs it is.
  public let index: Int
  /// Receives what programs print with `bpf_trace_printk`, as UTF-8 without a terminator. Called
  /// in the middle of a run, so it must not run anything on this CPU.
  public var traceHandler: (([UInt8]) -> Void)?
  /// Receives the copies of packets that programs send with `bpf_clone_redirect`. Called in the
  /// middle of a run, so it must not run anything on this CPU.
  public var cloneHandler: ((RedirectTarget, [UInt8]) -> Void)?
  /// Gives the call stack that programs ask for with `bpf_get_stackid` and `bpf_get_stack`:
  /// addresses of return, the innermost first. Without one there is none.
  public var stackHandler: ((StackOrigin) -> [UInt64])?
  /// The object whose value `bpf_get_local_storage` gives: the number of the control group that the
  /// program hangs on.
  public var storageOwner: UInt64 = 1
  /// Instructions that one checked run may execute; it bounds the memory that helpers are given
  /// to work on as well.
  public var instructionLimit = Limits.executedInstructions

  private let words: StableMemory
  private let stack: StableMemory
  private let records: StableMemory
  private let logMemory: StableMemory
  private let heldRecords: StableMemory
  private let announcement: Epochs.Announcement
  // The runtime's, here as well: loaded through the runtime, every run would count references.
  private let epochs: Epochs
  private let chains: Chains

  init(runtime: Runtime, index: Int) throws(LinuxError) {
    self.runtime = runtime
    self.index = index
    unsafe words = try StableMemory(byteCount: MemoryLayout<RunningCPU.Words>.size)
    stack = try StableMemory(byteCount: Limits.liveFrames * Limits.frameByteCount)
    records = try StableMemory(byteCount: Limits.liveFrames * FrameRecord.byteCount)
    logMemory = try StableMemory(byteCount: TailCallLog.byteCount)
    heldRecords = try StableMemory(byteCount: HeldRecords.byteCount)
    epochs = runtime.epochs
    chains = runtime.chains
    announcement = epochs.join()
    unsafe words.base.initializeMemory(as: RunningCPU.Words.self, to: RunningCPU.Words())
    unsafe running.words.pointee.index = UInt32(truncatingIfNeeded: index)
    unsafe running.words.pointee.heldRecords = heldRecords.address
    unsafe running.words.pointee.owner = Unmanaged.passUnretained(self).toOpaque()
    seed = UInt64.random(in: .min ... .max)
  }

  deinit {
    runtime.epochs.leave(announcement)
  }

  /// Where the frames of its programs are.
  var stackAddresses: Range<UInt64> {
    stack.address..<stack.address &+ UInt64(stack.byteCount)
  }

  /// Where the packet of the current run is, with its metadata; empty when there is none.
  var packetAddresses: Range<UInt64> {
    guard let packet = running.packet, packet.metadata <= packet.end else { return 0..<0 }
    return packet.metadata..<packet.end
  }

  private var running: RunningCPU { RunningCPU(address: words.address) }

  /// State of the random number generator; set it to get the same numbers again.
  public var seed: UInt64 {
    get { unsafe running.words.pointee.random }
    set { unsafe running.words.pointee.random = newValue }
  }

  /// The clock; the system's unless it is set.
  public var clock: Clock {
    get {
      unsafe running.words.pointee.clockIsFixed ? .fixed(running.words.pointee.fixedTime) : .real
    }
    set {
      switch newValue {
      case .real: unsafe running.words.pointee.clockIsFixed = false
      case .fixed(let time):
        unsafe running.words.pointee.clockIsFixed = true
        unsafe running.words.pointee.fixedTime = time
      }
    }
  }

  /// Whether the tail calls of each run are written down in ``tailCalls``.
  public var recordsTailCalls: Bool {
    get { unsafe running.words.pointee.tailCallLog != 0 }
    set { unsafe running.words.pointee.tailCallLog = newValue ? logMemory.address : 0 }
  }

  /// The tail calls of the last run, in order: at most 1024 of them.
  public var tailCalls: [TailCallRecord] { TailCallLog(address: logMemory.address).records }

  /// Runs a program from its first instruction: a top-level run with a fresh hop budget
  /// (tail-calls.md R2.4).
  ///
  /// - Precondition: The program was loaded in the CPU's own runtime, and the CPU runs nothing yet:
  ///   a ``traceHandler`` must run programs on another CPU.
  /// - Throws: ``Fault`` when a checked run did what it must not, maps and packet keeping what was
  ///   written before; or when the context is not one for programs of this type.
  public func run(
    _ program: Program, in context: Context, mode: Mode = .checked
  ) throws(Fault) -> Result {
    precondition(program.registry === runtime.registry, "the program belongs to another runtime")
    precondition(!announcement.isInRun, "the CPU is running a program already")
    guard program.contextAccess === context.access else {
      throw Fault(
        program: program.name, instruction: 0, instructionText: "",
        kind: .contextOfAnotherType(program.type.name))
    }
    if let enter = program.enter {
      prepareCompiled(context)
      beginRun()
      return try runCompiled(program.entry, enter, context)
    }
    let isChecked = prepareInterpreted(context, program.type, mode)
    beginRun()
    defer { epochs.exit(announcement) }
    return try withExtendedLifetime(program) { () throws(Fault) in
      try runInterpreted(program.entry, context, isChecked)
    }
  }

  /// Runs the program that an entry point has in the current generation: a top-level run with a
  /// fresh hop budget.
  ///
  /// The first program and the slots of all arrays are of one generation.
  ///
  /// - Returns: `nil` when the entry point has no program.
  /// - Precondition: As for ``run(_:in:mode:)-(Program,_,_)``.
  /// - Throws: As ``run(_:in:mode:)-(Program,_,_)``.
  public func run(
    _ entryPoint: EntryPoint, in context: Context, mode: Mode = .checked
  ) throws(Fault) -> Result? {
    precondition(entryPoint.registry === runtime.registry, "the entry point is another runtime's")
    precondition(!announcement.isInRun, "the CPU is running a program already")
    guard entryPoint.type.context.access === context.access else {
      throw Fault(
        program: entryPoint.name, instruction: 0, instructionText: "",
        kind: .contextOfAnotherType(entryPoint.type.name))
    }
    if let enter = entryPoint.enter {
      prepareCompiled(context)
      let table = beginRun()
      let entry = entryPoint.entry(inTableAt: table)
      guard entry != 0 else {
        epochs.exit(announcement)
        return nil
      }
      return try runCompiled(entry, enter, context)
    }
    let isChecked = prepareInterpreted(context, entryPoint.type, mode)
    let table = beginRun()
    defer { epochs.exit(announcement) }
    let entry = entryPoint.entry(inTableAt: table)
    return entry == 0 ? nil : try runInterpreted(entry, context, isChecked)
  }

  private func runInterpreted(
    _ entry: UInt64, _ context: Context, _ isChecked: Bool
  ) throws(Fault) -> Result {
    // A trace handler may set another limit meanwhile.
    let limit = unsafe running.words.pointee.instructionsLeft
    let value =
      isChecked
      ? execute(entry, context, CheckedRun.self) : execute(entry, context, UncheckedRun.self)
    running.discardHeldRecords()
    if unsafe running.words.pointee.faultCode != 0, let fault { throw fault }
    return unsafe Result(
      returnValue: value, hops: Int(Limits.tailCalls - running.words.pointee.hopsLeft),
      instructions: isChecked ? limit - running.words.pointee.instructionsLeft : 0)
  }

  private func runCompiled(
    _ entry: UInt64, _ enter: ProgramCompiler.EnterFunction, _ context: Context
  ) throws(Fault) -> Result {
    let value = enter(
      entry, words.address, context.firstArgument, context.secondArgument,
      stack.address &+ UInt64(Limits.liveFrames * Limits.frameByteCount))
    running.discardHeldRecords()
    epochs.exit(announcement)
    if unsafe running.words.pointee.faultCode != 0, let fault { throw fault }
    let left =
      unsafe running.words.pointee.countsInBudget
      ? running.words.pointee.budget : running.words.pointee.hopsLeft
    return Result(returnValue: value, hops: Int(Limits.tailCalls - left), instructions: 0)
  }

  @inline(__always)
  private func prepareCompiled(_ context: Context) {
    prepare(context)
    let isRecording = recordsTailCalls
    unsafe running.words.pointee.countsInBudget = !isRecording
    unsafe running.words.pointee.budget = isRecording ? 0 : Limits.tailCalls
  }

  /// Returns whether the run has to be checked.
  private func prepareInterpreted(_ context: Context, _ type: ProgramType, _ mode: Mode) -> Bool {
    prepare(context, instructionLimit)
    return mode == .checked || type.context.needsTranslation
  }

  /// From here on nothing that the run can find is freed, and it finds one generation's slots:
  /// through the table that is returned.
  @inline(__always)
  @discardableResult
  private func beginRun() -> UInt64 {
    epochs.enter(announcement)
    let table = chains.currentTable
    unsafe running.words.pointee.generation = table
    return table
  }

  private func prepare(_ context: Context, _ limit: UInt64) {
    prepare(context)
    unsafe running.words.pointee.instructionsLeft = limit
    let (bytes, overflow) = limit.multipliedReportingOverflow(by: Limits.helperBytesPerInstruction)
    unsafe running.words.pointee.helperBytesLeft =
      overflow ? .max : max(bytes, Limits.helperBytes)
  }

  @inline(__always)
  private func prepare(_ context: Context) {
    unsafe running.words.pointee.hopsLeft = Limits.tailCalls
    unsafe running.words.pointee.context = context.firstArgument
    unsafe running.words.pointee.packet = context.filledDescriptor?.address ?? 0
    unsafe running.words.pointee.faultCode = 0
    if recordsTailCalls { TailCallLog(address: logMemory.address).count = 0 }
  }

  @inline(__always)
  private func execute<Policy: RunPolicy>(
    _ entry: UInt64, _ context: Context, _ policy: Policy.Type
  ) -> UInt64 {
    let stackHigh = stack.address &+ UInt64(stack.byteCount)
    let memory = RunMemory<Policy>(
      cpu: running, stackHigh: stackHigh, entry: entry)
    return withExtendedLifetime(context) {
      Interpreter<Policy>.run(
        entry, memory, frames: FrameStack(records: records.address),
        firstArgument: context.firstArgument, secondArgument: context.secondArgument)
    }
  }

  private var fault: Fault? {
    let words = unsafe running.words.pointee
    guard let code = unsafe FaultCode(rawValue: words.faultCode),
      let kind = unsafe code.kind(address: words.faultAddress, detail: Int(words.faultDetail))
    else { return nil }
    let program = unsafe runtime.program(id: words.faultProgram)
    let slot = unsafe program?.image.slot(at: words.faultPosition) ?? 0
    let disassembler = Disassembler(helperName: { HelperNames.name(of: $0).map { "bpf_\($0)" } })
    let text = program.flatMap { try? disassembler.text(of: $0.instructions, at: slot) }
    return Fault(
      program: program?.name ?? "", instruction: slot, instructionText: text ?? "", kind: kind)
  }

  /// A helper that the running program may call, for calls whose number is only known now.
  func helper(_ number: Int32, ofProgram id: UInt32) -> Helper? {
    guard let program = runtime.program(id: id), let helper = program.type.helpers[number],
      !helper.isGPLOnly || program.isGPLCompatible
    else { return nil }
    return helper
  }
}
