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
struct SavedState {
  /// No state.
  static let none: Int32 = -1

  /// The frames below the running one.
  let callers: [Frame]
  /// The running frame's stack.
  let stack: [StackSlot]
  /// The running frame's registers.
  let registers: SavedRegisters.Group
  let function: Int
  let callSite: Int
  let purpose: Frame.Purpose
  let callbackDepth: UInt32
  let references: [PathState.Reference]
  let lock: UInt32
  let mayGotoDepth: UInt32

  /// The saved state that this one's path passed last: its index among all.
  let parent: Int32
  /// The state that was saved before at the same instruction.
  var next: Int32
  /// Stack slots that were written whole between the parent and here.
  let written: StackMasks
  /// Stack slots that were read on some path from here on before they were written.
  var read = StackMasks()
  /// Paths from here on that have not ended yet.
  var openPaths: Int32 = 1
  /// The first of the covered paths that need what this state turns out to need.
  var firstFollower = SavedState.none
  /// An earlier state to which some path from here on came back: what this one needs is not known
  /// before the paths of that one have ended.
  var loop = SavedState.none
  var hits: Int32 = 0
  var misses: Int32 = 0
}

/// The registers of many states, one after the other. Only those that may still be read are kept.
struct SavedRegisters {
  private var values: [RegisterState] = []

  /// The registers of one state.
  struct Group {
    /// One bit per register.
    var members: UInt16
    var first: Int
  }

  /// Keeps registers of a frame.
  mutating func save(_ registers: [RegisterState], _ members: UInt16) -> Group {
    // r10 never changes.
    let group = Group(members: members & 0x3ff, first: values.count)
    var rest = group.members
    while rest != 0 {
      values.append(registers[rest.trailingZeroBitCount])
      rest &= rest &- 1
    }
    return group
  }

  /// Gives registers back to a frame; it knows nothing of the others.
  func restore(_ group: Group, to registers: inout [RegisterState]) {
    var next = group.first
    for number in 0..<10 {
      if group.members & (1 &<< UInt16(number)) != 0 {
        registers[number] = values[next]
        next &+= 1
      } else if registers[number].kind != .uninitialized {
        registers[number] = .uninitialized
      }
    }
  }

  /// Forgets a group and all that were saved after it.
  mutating func remove(from group: Group) {
    values.removeLast(values.count &- group.first)
  }

  mutating func append(_ value: RegisterState) { values.append(value) }

  @inline(__always)
  subscript(_ index: Int) -> RegisterState { values[index] }

  var count: Int { values.count }
  /// Bytes that the registers take.
  var byteCount: Int { values.count * MemoryLayout<RegisterState>.stride }
}

// What is known of saved states while paths from them are still followed.
extension Explorer {
  /// A path that came from a saved state has ended.
  mutating func pathEnded(_ index: Int32) {
    var current = index
    while current != SavedState.none {
      states[Int(current)].openPaths &-= 1
      if states[Int(current)].openPaths > 0 { return }
      current = states[Int(current)].parent
    }
  }
}
