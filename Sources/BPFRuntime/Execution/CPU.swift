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
  /// What programs on this CPU can find out about the world.
  public var environment = Environment() {
    didSet {
      unsafe running.words.pointee.socketsLow = environment.sockets.addresses.lowerBound
      unsafe running.words.pointee.socketsHigh = environment.sockets.addresses.upperBound
    }
  }
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

  // What every run reads comes first, in one piece.

  let words: StableMemory
  /// Whose programs take the short way in: those with this ``Program/home``. It is the runtime, and
  /// something else where tail calls are slow or runs need fences.
  private(set) var home: ObjectIdentifier
  // The runtime's, here as well: loaded through the runtime, every run would count references.
  let epochs: Epochs
  let stack: StableMemory
  let records: StableMemory
  let logMemory: StableMemory
  private let heldRecords: StableMemory
  let registry: Registry
  /// Where the stack of programs begins, growing downwards.
  let stackTop: UInt64
  private let misses: MissObservers
  /// Misses so far, for their sampling.
  private var missCount: UInt64 = 0

  init(runtime: Runtime, index: Int) throws(LinuxError) {
    self.runtime = runtime
    self.index = index
    unsafe words = try StableMemory(byteCount: MemoryLayout<RunningCPU.Words>.size)
    stack = try StableMemory(byteCount: Limits.stackByteCount)
    records = try StableMemory(byteCount: Limits.liveFrames * FrameRecord.byteCount)
    logMemory = try StableMemory(byteCount: TailCallLog.byteCount)
    heldRecords = try StableMemory(byteCount: HeldRecords.byteCount)
    epochs = runtime.epochs
    registry = runtime.registry
    home = ObjectIdentifier(runtime.registry)
    misses = runtime.misses
    stackTop = stack.address &+ UInt64(Limits.stackByteCount)
    unsafe words.base.initializeMemory(as: RunningCPU.Words.self, to: RunningCPU.Words())
    unsafe running.words.pointee.index = UInt32(truncatingIfNeeded: index)
    unsafe running.words.pointee.slot = epochs.join(announcement)
    unsafe running.words.pointee.stackTop = stackTop
    unsafe running.words.pointee.heldRecords = heldRecords.address
    unsafe running.words.pointee.owner = Unmanaged.passUnretained(self).toOpaque()
    seed = UInt64.random(in: .min ... .max)
    setHome()
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

  /// Where the context of the current run is, as far as it stands in memory as programs see it.
  var contextAddresses: Range<UInt64> {
    let start = running.context
    return unsafe start..<start &+ UInt64(running.words.pointee.contextByteCount)
  }

  var running: RunningCPU { RunningCPU(address: words.address) }

  /// What the epochs know of it: the first of the words.
  @inline(__always)
  var announcement: Epochs.Announcement { Epochs.Announcement(address: words.address) }

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
    set {
      unsafe running.words.pointee.tailCallLog = newValue ? logMemory.address : 0
      setStartBudget()
    }
  }

  /// Whether compiled programs count the tail calls that are taken, in ``Program/tailCallCounts``;
  /// then each goes through the runtime. Interpreted programs always do.
  public var countsTailCalls = false {
    didSet { setStartBudget() }
  }

  /// Compiled code leaves a tail call to the runtime when the budget that it knows of is spent.
  private func setStartBudget() {
    unsafe running.words.pointee.startBudget = hasSlowTailCalls ? 0 : Limits.tailCalls
    setHome()
  }

  /// Whether compiled programs leave every tail call to the runtime.
  var hasSlowTailCalls: Bool { recordsTailCalls || countsTailCalls }

  private func setHome() {
    // Nothing calls the CPU itself its home.
    home =
      hasSlowTailCalls || epochs.runsHaveFences
      ? ObjectIdentifier(self) : ObjectIdentifier(registry)
  }

  /// The tail calls of the last run, in order: at most 1024 of them.
  public var tailCalls: [TailCallRecord] { TailCallLog(address: logMemory.address).records }

  /// What went wrong in the run that is over, if anything did; then it is forgotten.
  func takeFault() -> Fault? {
    defer { unsafe running.words.pointee.faultCode = 0 }
    return fault
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

  /// Tells of a miss whoever wants to hear of it.
  func tellMiss(_ makeRecord: () -> TailCallRecord) {
    let number = missCount
    missCount &+= 1
    guard misses.wants(number) else { return }
    let record = makeRecord()
    let program = runtime.program(id: record.programID)
    let sites = program?.tailCallSites ?? []
    let site = Int(record.site)
    misses.tell(
      MissEvent(
        record: record, program: program?.name ?? "",
        instruction: sites.indices.contains(site) ? sites[site] : 0,
        array: runtime.registry.map(record.arrayID)?.definition.name ?? "", cpu: index),
      number: number)
  }

  /// A helper that the running program may call, for calls whose number is only known now.
  func helper(_ number: Int32, ofProgram id: UInt32) -> Helper? {
    guard let program = runtime.program(id: id), let helper = program.type.helpers[number],
      !helper.isGPLOnly || program.isGPLCompatible
    else { return nil }
    return helper
  }
}
