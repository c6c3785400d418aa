// UNSAFE. What a subprogram's caller gets back when it returns.
//
// Invariant: the records lie in memory owned by the CPU, with room for `capacity` of them; only
// the loop that runs on the CPU uses them.

/// One waiting caller.
struct FrameRecord {
  /// Address of the instruction after the call.
  var returnAddress: UInt64
  /// First instruction of the calling program: after a tail call in the subprogram, another one.
  var entry: UInt64
  /// The registers that a call preserves.
  var r6: UInt64
  var r7: UInt64
  var r8: UInt64
  var r9: UInt64
  var r10: UInt64
  /// Frames of the calling program at that point, its own included.
  var depth: UInt64
  /// What is left of the caller's `may_goto` iterations.
  var iterationsLeft: UInt64

  static let byteCount = MemoryLayout<FrameRecord>.stride
}

/// The callers that wait while a subprogram runs.
@safe
struct FrameStack {
  /// Frames of the program that runs now, its own included; a tail call starts again at 1.
  var depth: UInt64 = 1
  private var top: UnsafeMutablePointer<FrameRecord>
  private let bottom: UnsafeMutablePointer<FrameRecord>

  init(records: UInt64, depth: UInt64 = 1) {
    unsafe bottom = UnsafeMutablePointer(bitPattern: UInt(records)).unsafelyUnwrapped
    unsafe top = bottom
    self.depth = depth
  }

  /// Where the next record goes.
  var nextRecord: UInt64 { unsafe UInt64(UInt(bitPattern: top)) }

  /// Saves the caller and moves r10 to a fresh frame; `false` when the program has too many.
  ///
  /// The program's own limit of eight also bounds the whole stack: a hop starts at depth 1 again,
  /// and there are at most 33 of them (`Limits.liveFrames`).
  @inline(__always)
  mutating func push(
    _ r: inout InlineArray<16, UInt64>, returnTo pc: CodePointer, _ entry: UInt64,
    _ iterationsLeft: UInt64
  ) -> Bool {
    guard depth < UInt64(Limits.frames) else { return false }
    unsafe top.initialize(
      to: FrameRecord(
        returnAddress: pc.address, entry: entry, r6: r[6], r7: r[7], r8: r[8], r9: r[9],
        r10: r[10], depth: depth, iterationsLeft: iterationsLeft))
    unsafe top += 1
    depth &+= 1
    r[10] &-= UInt64(Limits.frameByteCount)
    return true
  }

  /// Restores the caller's registers; `nil` when nobody waits.
  @inline(__always)
  mutating func pop(_ r: inout InlineArray<16, UInt64>) -> FrameRecord? {
    guard unsafe top > bottom else { return nil }
    unsafe top -= 1
    let record = unsafe top.pointee
    r[6] = record.r6
    r[7] = record.r7
    r[8] = record.r8
    r[9] = record.r9
    r[10] = record.r10
    depth = record.depth
    return record
  }
}
