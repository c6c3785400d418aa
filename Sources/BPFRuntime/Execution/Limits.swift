/// Numbers that programs are held to, with their sources.
public enum Limits {
  /// Hops of one top-level run: 33, so 34 programs (tail-calls.md R2.1).
  public static let tailCalls: UInt32 = 33
  /// Frames of one program, its own included.
  public static let frames = 8
  /// Bytes of a frame's stack.
  public static let frameByteCount = 512
  /// Frames that can be live at once: a subprogram's tail call keeps its callers' frames, so every
  /// activation may add up to eight (tail-calls.md R2.11).
  public static let liveFrames = frames * (Int(tailCalls) + 1)
  /// Bytes of a CPU's stack: a helper that calls a subprogram back may use as much as a frame for
  /// what it passes.
  static let stackByteCount = 2 * liveFrames * frameByteCount
  /// Maps of one program (tail-calls.md R5.12).
  public static let mapsPerProgram = 64
  /// Instructions of one program.
  public static let instructions = 1_000_000
  /// Iterations of `may_goto` in one frame, as in Linux.
  public static let mayGotoIterations: UInt64 = 8_388_608
  /// Instructions that a checked run may execute unless it is told otherwise: some seconds.
  public static let executedInstructions: UInt64 = 1_000_000_000
  /// Bytes that a checked run may give to helpers, at least.
  public static let helperBytes: UInt64 = 64 << 20
  /// Bytes that a checked run may give to helpers for each instruction that it may execute: one
  /// call can copy a whole map value, and must not cost a million times what an instruction does.
  public static let helperBytesPerInstruction: UInt64 = 8
  /// Runs of a batch that share an epoch: what is replaced meanwhile is kept for so long.
  public static let batchedRuns = 64
  /// Replaced generations that a runtime keeps for a rollback unless it is told otherwise.
  public static let keptGenerations = 8
}
