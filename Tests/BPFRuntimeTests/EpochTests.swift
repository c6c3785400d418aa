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
  func idle() throws {
    let epochs = Epochs()
    let cpu = try epochs.join()
    let freed = Count()
    epochs.retire(Witness { freed.add() })
    #expect(freed.current == 1)
    epochs.leave(cpu.announcement)
  }

  @Test("after the last run that had started before")
  func running() throws {
    let epochs = Epochs()
    let first = try epochs.join()
    let second = try epochs.join()
    let freed = Count()
    epochs.enter(first.announcement)
    epochs.enter(second.announcement)
    epochs.retire(Witness { freed.add() })
    #expect(freed.current == 0)
    epochs.exit(first.announcement)
    #expect(freed.current == 0)
    // A run that starts now cannot reach it, so it does not count.
    epochs.enter(first.announcement)
    epochs.exit(second.announcement)
    #expect(freed.current == 1)
    epochs.exit(first.announcement)
  }

  @Test("when the CPU that could be using it is gone")
  func leaving() throws {
    let epochs = Epochs()
    let cpu = try epochs.join()
    let freed = Count()
    epochs.enter(cpu.announcement)
    epochs.retire(Witness { freed.add() })
    #expect(freed.current == 0)
    epochs.leave(cpu.announcement)
    #expect(freed.current == 1)
  }

  @Test(
    "under load several retired objects share a barrier, and all are freed in the end",
    arguments: [true, false])
  func load(usesBarrier: Bool) async throws {
    let epochs = Epochs(usesBarrier: usesBarrier)
    let idle = try epochs.join()
    let freed = Count()
    let shared = Shared()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          let cpu = try epochs.join()
          while !shared.hasStopped.load(ordering: .relaxed) {
            epochs.enter(cpu.announcement)
            epochs.exit(cpu.announcement)
          }
          epochs.leave(cpu.announcement)
        }
      }
      for _ in 0..<20_000 { epochs.retire(Witness { freed.add() }) }
      shared.hasStopped.store(true, ordering: .relaxed)
      try await group.waitForAll()
    }
    epochs.leave(idle.announcement)
    epochs.collect()
    #expect(freed.current == 20_000)
  }

  @Test(
    "a run never finds what was freed, however short runs and retirements are",
    arguments: [true, false])
  func safety(usesBarrier: Bool) async throws {
    // A slot is replaced all the time; what it held is marked when it is freed.
    let epochs = Epochs(usesBarrier: usesBarrier)
    let marks = (0..<2).map { _ in Mark() }
    let shared = Shared()
    let failures = Count()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask {
          let cpu = try epochs.join()
          while !shared.hasStopped.load(ordering: .relaxed) {
            epochs.enter(cpu.announcement)
            let mark = marks[shared.slot.load(ordering: .acquiring)]
            if mark.isFreed.load(ordering: .relaxed) { failures.add() }
            epochs.exit(cpu.announcement)
          }
          epochs.leave(cpu.announcement)
        }
      }
      for turn in 1...50_000 {
        let old = marks[(turn &+ 1) % 2]
        // Whoever waits long enough here sees that the new one is free again.
        let new = marks[turn % 2]
        new.isFreed.store(false, ordering: .sequentiallyConsistent)
        shared.slot.store(turn % 2, ordering: .releasing)
        let done = Count()
        epochs.retire(
          Witness {
            old.isFreed.store(true, ordering: .sequentiallyConsistent)
            done.add()
          })
        while done.current == 0 { epochs.collect() }
      }
      shared.hasStopped.store(true, ordering: .relaxed)
      try await group.waitForAll()
    }
    #expect(failures.current == 0)
  }

  private final class Shared: Sendable {
    let slot = Atomic<Int>(0)
    let hasStopped = Atomic<Bool>(false)
  }

  private final class Mark: Sendable {
    let isFreed = Atomic<Bool>(false)
  }

  @Test("a stamp is early when all runs of its time have ended")
  func stamps() throws {
    let epochs = Epochs()
    let cpu = try epochs.join()
    epochs.enter(cpu.announcement)
    let stamp = epochs.stamp()
    #expect(epochs.firstLiveEpoch(beyond: stamp) <= stamp)
    epochs.exit(cpu.announcement)
    epochs.enter(cpu.announcement)
    #expect(epochs.firstLiveEpoch(beyond: stamp) > stamp)
    epochs.exit(cpu.announcement)
    #expect(epochs.firstLiveEpoch(beyond: epochs.stamp()) > stamp)
  }
}

/// The announcement of a CPU that runs nothing but what a test says.
private final class JoinedCPU: Sendable {
  private let memory: StableMemory
  var announcement: Epochs.Announcement { Epochs.Announcement(address: memory.address) }

  init(_ epochs: Epochs) throws(LinuxError) {
    memory = try StableMemory(byteCount: 8)
    _ = epochs.join(announcement)
  }
}

extension Epochs {
  fileprivate func join() throws(LinuxError) -> JoinedCPU { try JoinedCPU(self) }
}
