/// The elements of a hash map that are in no chain, in the order in which they left it.
///
/// A run that found an element may use its value until the run ends, so an element is handed out
/// again when every run that could have found it has ended. Only when no such element is left, the
/// one that waits longest is handed out all the same, as Linux does with every element: a program
/// that replaces the elements of a full map in one run must not fail. What it then holds is the
/// value of another key of the same map, never foreign memory.
struct ElementPool {
  /// Elements in chains.
  private(set) var used: UInt32 = 0
  private var untouched: UInt32 = 1
  private var oldest: UInt32 = 0
  private var newest: UInt32 = 0
  private var liveEpoch: UInt64 = 0

  /// What the pool hands out.
  struct Element {
    var number: UInt32
    /// Whether a run may still be using it.
    var isEarly: Bool
  }

  /// Takes an element out of the pool.
  mutating func take(_ chains: borrowing HashChains, _ epochs: Epochs) -> Element? {
    if oldest != 0, chains.stamp(of: oldest) < liveEpoch { return pop(chains, isEarly: false) }
    if untouched <= chains.capacity {
      defer { untouched &+= 1 }
      used &+= 1
      return Element(number: untouched, isEarly: false)
    }
    guard oldest != 0 else { return nil }
    let stamp = chains.stamp(of: oldest)
    liveEpoch = epochs.firstLiveEpoch(beyond: stamp)
    return pop(chains, isEarly: stamp >= liveEpoch)
  }

  private mutating func pop(_ chains: borrowing HashChains, isEarly: Bool) -> Element {
    let number = oldest
    oldest = chains.nextFree(after: number)
    if oldest == 0 { newest = 0 }
    used &+= 1
    return Element(number: number, isEarly: isEarly)
  }

  /// Takes an element back that has just left its chain.
  mutating func giveBack(_ number: UInt32, _ chains: borrowing HashChains, _ epochs: Epochs) {
    chains.setStamp(of: number, epochs.stamp())
    if newest == 0 { oldest = number } else { chains.setNextFree(after: newest, number) }
    newest = number
    used &-= 1
  }
}
