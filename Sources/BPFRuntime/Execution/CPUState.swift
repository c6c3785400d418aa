// UNSAFE. The block of words that belongs to a running CPU.
//
// Invariant: the block is owned by a CPU object and outlives every run on it; only the thread that
// runs the CPU touches it. Engines and helpers get its address.

/// How the program on a CPU is being executed.
enum RunningEngine: UInt8, Sendable {
  case checked
  case unchecked
  case compiled
}

/// What engines and helpers know about the CPU that runs a program, behind one address.
@safe
public struct RunningCPU {
  /// The words. Compiled code addresses them by offset, so the order is part of the interface
  /// between engines.
  @unsafe
  struct Words {
    // What an empty run touches is in the first 64 bytes, a line of the cache.

    /// What the epochs know of the CPU: first, because they get the address of the block for it.
    var announcement: UInt64 = 0
    /// What `bpf_get_smp_processor_id` returns, and the index of per-CPU values.
    var index: UInt32 = 0
    /// Hops that the current top-level run may still make (tail-calls.md R2.1) are the sum of this
    /// and ``hopsLeft``, one of which is 0. Compiled code knows of this part only: it keeps it in a
    /// register, and stores it here before it calls out.
    var budget: UInt32 = 0
    /// The hops that are left, as far as they are counted in memory: all of them in interpreted
    /// programs, and while compiled ones leave every tail call to the runtime. 0 between runs.
    var hopsLeft: UInt32 = 0
    /// How many records of ring buffers the program holds. 0 between runs.
    var heldRecordCount: UInt16 = 0
    /// What stopped the run: a raw ``Fault/Kind-swift.enum`` code, 0 when nothing did, and between
    /// runs.
    var faultCode: UInt8 = 0
    /// Nothing, and always 0: see ``RunningCPU/remainsOffset``.
    var filler: UInt8 = 0
    /// Address of the context of the current run.
    var context: UInt64 = 0
    /// Address of the packet descriptor, or 0.
    var packet: UInt64 = 0
    /// Address of the table that the current run finds the slots of arrays by: the one of the
    /// generation that was current when it started.
    var generation: UInt64 = 0
    /// Bytes of the context that helpers may read: none where engines translate accesses.
    var contextByteCount: UInt32 = 0
    /// ``budget`` at the start of a compiled run: all hops, or 0 where each of them shall take the
    /// slow path.
    var startBudget = Limits.tailCalls
    /// Where the stack of programs begins, growing downwards.
    var stackTop: UInt64 = 0

    /// Nanoseconds that the clock shows, when it stands still.
    var fixedTime: UInt64 = 0
    /// Whether the clock stands still.
    var clockIsFixed: Bool = false
    /// State of the random number generator.
    var random: UInt64 = 0
    /// Instructions that a checked run may still execute.
    var instructionsLeft: UInt64 = 0
    /// Bytes that a checked run may still give to helpers.
    var helperBytesLeft: UInt64 = 0
    /// The CPU object, not retained.
    var owner: UnsafeMutableRawPointer?
    /// Where tail calls are written down, or 0.
    var tailCallLog: UInt64 = 0
    /// Argument number or access size that belongs to the fault.
    var faultDetail: UInt32 = 0
    /// Address or value that belongs to the fault.
    var faultAddress: UInt64 = 0
    /// Number of the program that faulted.
    var faultProgram: UInt32 = 0
    /// Address of the decoded instruction that faulted.
    var faultPosition: UInt64 = 0
    /// Where the host's stack has the address that the run returns to.
    var entryStack: UInt64 = 0
    /// A number that no other CPU of the runtime has: see ``RunningCPU/slot``.
    var slot: UInt32 = 0
    /// Where records of ring buffers that the program holds are written down.
    var heldRecords: UInt64 = 0
    /// Where the program is that calls a helper which calls back: see ``Caller``.
    var caller = Caller()
    /// Where the sockets are that programs may read.
    var socketsLow: UInt64 = 0
    /// Just past the last one.
    var socketsHigh: UInt64 = 0
    /// Number of the timer whose subprogram runs, or 0.
    var runningTimer: UInt64 = 0
  }

  /// What a helper needs to know about its caller to run a subprogram on the same CPU. Engines
  /// write it before they call a helper that calls back.
  struct Caller {
    /// r10 of the caller.
    var framePointer: UInt64 = 0
    /// The first instruction of the calling program; interpreters only.
    var entry: UInt64 = 0
    /// Where the next frame record goes; interpreters only.
    var records: UInt64 = 0
    /// Frames of the calling program, its own included; interpreters only.
    var depth: UInt64 = 0
    /// What executes the program. Only interpreted runs change it, for as long as they last.
    var engine = RunningEngine.compiled
  }

  let words: UnsafeMutablePointer<Words>

  /// The CPU behind the sixth argument of a helper.
  public init(address: UInt64) {
    let pointer = unsafe UnsafeMutablePointer<Words>(bitPattern: UInt(address))
    unsafe words = pointer.unsafelyUnwrapped
  }

  /// The address, as helpers get it.
  var address: UInt64 { unsafe UInt64(UInt(bitPattern: words)) }

  /// Offset, in the words, of eight bytes that are 0 unless the end of a run has to be looked at
  /// more closely: hops that are counted in memory, records that are held, a fault.
  static let remainsOffset = 16

  /// What the run has left of that.
  @inline(__always)
  var remains: UInt64 {
    unsafe UnsafeRawPointer(words).load(fromByteOffset: Self.remainsOffset, as: UInt64.self)
  }

  /// The number of the CPU, from 0: the index of its values in per-CPU maps.
  public var index: Int { unsafe Int(words.pointee.index) }

  /// A number, from 0, that no other living CPU of the runtime has, unlike ``index``: what is kept
  /// by it is one thread's at a time. The lowest ones are given out first.
  @inline(__always)
  var slot: Int { unsafe Int(words.pointee.slot) }

  /// The address of the context of the current run.
  public var context: UInt64 { unsafe words.pointee.context }

  /// Where the sockets are that programs may read.
  var socketAddresses: Range<UInt64> {
    unsafe words.pointee.socketsLow..<words.pointee.socketsHigh
  }

  /// The packet of the current run, if its type has one.
  var packet: PacketDescriptor? {
    let address = unsafe words.pointee.packet
    return address == 0 ? nil : PacketDescriptor(address: address)
  }

  /// The next random number, from a generator that depends on nothing but its seed.
  func nextRandom() -> UInt64 {
    // splitmix64: small, fast, and every seed gives a full-period sequence.
    unsafe words.pointee.random &+= 0x9e37_79b9_7f4a_7c15
    var z = unsafe words.pointee.random
    z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z &>> 31)
  }

  /// Calls `body` with the CPU object.
  func withOwner<Result>(_ body: (CPU) -> Result) -> Result {
    let object = unsafe words.pointee.owner.unsafelyUnwrapped
    return unsafe Unmanaged<CPU>.fromOpaque(object)._withUnsafeGuaranteedRef { body($0) }
  }
}
