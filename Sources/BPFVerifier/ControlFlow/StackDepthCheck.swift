import BPFRuntime

/// Whether the frames of every chain of calls fit the stack together.
struct StackDepthCheck {
  let code: CodeMap
  /// By function, in bytes.
  let depths: [Int32]

  /// Frames are rounded up as Linux's compilers do.
  private func rounded(_ function: Int) -> Int { (max(Int(depths[function]), 1) + 15) & ~15 }

  func run(from start: Int) throws(Refusal) {
    try visit(start, below: 0, frames: 1)
  }

  private func visit(_ function: Int, below: Int, frames: Int) throws(Refusal) {
    guard frames <= Limits.frames else {
      throw .tooBig("the call stack of \(Limits.frames) frames is too deep !")
    }
    // What lies below stays while a target of the tail call runs (R2.10).
    if function != 0, code.functions[function].hasTailCall, below >= 256 {
      throw .access(
        "tail_calls are not allowed when call stack of previous frames is \(below) bytes. "
          + "Too large")
    }
    let total = below + rounded(function)
    guard total <= Limits.frameByteCount else {
      throw .access("combined stack size of \(frames) calls is \(total). Too large")
    }
    var seen: Set<Int> = []
    for call in code.functions[function].calls where seen.insert(call.function).inserted {
      try visit(call.function, below: total, frames: frames + 1)
    }
  }
}
