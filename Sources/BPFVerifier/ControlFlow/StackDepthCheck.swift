import BPFRuntime

/// Whether the frames of every chain of calls fit the stack together.
struct StackDepthCheck {
  let code: CodeMap
  /// By function, in bytes.
  let depths: [Int32]

  /// Frames are rounded up as Linux's compilers do.
  private func rounded(_ function: Int) -> Int { (max(Int(depths[function]), 1) + 15) & ~15 }

  // What was found fit is not looked at again: there may be very many chains.
  private var fit: Set<Place> = []

  private struct Place: Hashable {
    var function: Int
    var below: Int
    var frames: Int
  }

  /// Whether large frames get a stack of their own: in programs that hang on events of the kernel,
  /// if no function of them has a tail call.
  private let hasOwnStacks: Bool

  init(code: CodeMap, depths: [Int32], type: UInt32) {
    self.code = code
    self.depths = depths
    hasOwnStacks =
      [2, 5, 7, 17].contains(type) && !code.functions.contains { $0.hasTailCall }
  }

  mutating func run(from start: Int) throws(Refusal) {
    try visit(start, below: 0, frames: 1)
  }

  private mutating func visit(_ function: Int, below: Int, frames: Int) throws(Refusal) {
    guard frames <= Limits.frames else {
      throw .tooBig("the call stack of \(Limits.frames) frames is too deep !")
    }
    // What lies below stays while a target of the tail call runs (R2.10).
    if function != 0, code.functions[function].hasTailCall, below >= 256 {
      throw .access(
        "tail_calls are not allowed when call stack of previous frames is \(below) bytes. "
          + "Too large")
    }
    let own = rounded(function)
    if hasOwnStacks, own >= 64 {
      guard own <= Limits.frameByteCount else {
        throw .access("stack size of subprog \(function) is \(own). Too large")
      }
      try visitCalls(of: function, below: below, frames: frames)
      return
    }
    let total = below + own
    guard total <= Limits.frameByteCount else {
      throw Refusal.access("combined stack size of \(frames) calls is \(total). Too large")
        .at(code.functions[function].start)
    }
    try visitCalls(of: function, below: total, frames: frames)
  }

  private mutating func visitCalls(
    of function: Int, below: Int, frames: Int
  ) throws(Refusal) {
    guard fit.insert(Place(function: function, below: below, frames: frames)).inserted else {
      return
    }
    for call in code.functions[function].calls {
      try visit(call.function, below: below, frames: frames + 1)
    }
  }
}
