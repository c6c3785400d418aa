/// One bit per eight bytes of stack, for every frame.
struct StackMasks {
  private var words: InlineArray<8, UInt64> = InlineArray(repeating: 0)

  static let allWritten: UInt64 = .max

  @inline(__always)
  subscript(_ frame: Int) -> UInt64 {
    get { words[frame] }
    set { words[frame] = newValue }
  }
}

/// A state that was seen at an instruction. Paths that get there later and add nothing need not be
/// followed.
final class SavedState {
  let state: PathState
  /// The saved state that this one's path passed last.
  let parent: SavedState?
  /// Stack slots that were written whole between the parent and here.
  let written: StackMasks
  /// Stack slots that were read on some path from here on before they were written.
  var read = StackMasks()
  /// Paths from here on that have not ended yet.
  var openPaths = 1
  var hits = 0
  var misses = 0

  init(_ state: PathState, parent: SavedState?, written: StackMasks) {
    self.state = state
    self.parent = parent
    self.written = written
  }

  /// A path that came from here has ended.
  func pathEnded() {
    var current: SavedState? = self
    while let state = current {
      state.openPaths -= 1
      if state.openPaths > 0 { return }
      current = state.parent
    }
  }

  /// Notes that a stack slot was read, here and in every state before it up to the write.
  func noteRead(frame: Int, bits: UInt64) {
    var bits = bits
    var current: SavedState? = self
    while let state = current {
      bits &= ~state.read[frame]
      guard bits != 0 else { return }
      state.read[frame] |= bits
      bits &= ~state.written[frame]
      current = state.parent
    }
  }
}
