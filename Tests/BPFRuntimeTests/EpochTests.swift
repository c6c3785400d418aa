import Synchronization
import Testing

@testable import BPFRuntime

@Suite("What is retired is freed when nobody can be using it")
struct EpochTests {
  private final class Witness: Sendable {
    let freed: @Sendable () -> Void
    init(_ freed: @escaping @Sendable () -> Void) { self.freed = freed }
    deinit { freed() }
  }

  private final class Count: Sendable {
    let value = Atomic<Int>(0)
    func add() { value.wrappingAdd(1, ordering: .relaxed) }
    var current: Int { value.load(ordering: .relaxed) }
  }

  @Test("at once when nothing runs")
  func idle() {
    let epochs = Epochs()
    let cpu = epochs.join()
    let freed = Count()
    epochs.retire(Witness { freed.add() })
    #expect(freed.current == 1)
    epochs.leave(cpu)
  }

  @Test("after the last run that had started before")
  func running() {
    let epochs = Epochs()
    let first = epochs.join()
    let second = epochs.join()
    let freed = Count()
    epochs.enter(first)
    epochs.enter(second)
    epochs.retire(Witness { freed.add() })
    #expect(freed.current == 0)
    epochs.exit(first)
    #expect(freed.current == 0)
    // A run that starts now cannot reach it, so it does not count.
    epochs.enter(first)
    epochs.exit(second)
    #expect(freed.current == 1)
    epochs.exit(first)
  }

  @Test("when the CPU that could be using it is gone")
  func leaving() {
    let epochs = Epochs()
    let cpu = epochs.join()
    let freed = Count()
    epochs.enter(cpu)
    epochs.retire(Witness { freed.add() })
    #expect(freed.current == 0)
    epochs.leave(cpu)
    #expect(freed.current == 1)
  }

  @Test("a stamp is early when all runs of its time have ended")
  func stamps() {
    let epochs = Epochs()
    let cpu = epochs.join()
    epochs.enter(cpu)
    let stamp = epochs.stamp()
    #expect(epochs.firstLiveEpoch(beyond: stamp) <= stamp)
    epochs.exit(cpu)
    epochs.enter(cpu)
    #expect(epochs.firstLiveEpoch(beyond: stamp) > stamp)
    epochs.exit(cpu)
    #expect(epochs.firstLiveEpoch(beyond: epochs.stamp()) > stamp)
  }
}
