import NIOPosix
import Switchyard
import Synchronization

/// Runs packets through a live runtime, over and over, on threads of its own.
///
/// Each CPU has a thread, a virtual CPU and counters of its own; whoever wants to know adds the
/// counters up.
public final class Traffic: Sendable {
  /// What came of packets.
  package struct Counts: Sendable {
    package var packets: UInt64 = 0
    package var skipped: UInt64 = 0
    package var faults: UInt64 = 0
    package var verdicts: [UInt32: UInt64] = [:]
    /// The first fault, in one line.
    package var fault: String?

    static func + (left: Counts, right: Counts) -> Counts {
      Counts(
        packets: left.packets &+ right.packets, skipped: left.skipped &+ right.skipped,
        faults: left.faults &+ right.faults,
        verdicts: left.verdicts.merging(right.verdicts, uniquingKeysWith: &+),
        fault: left.fault ?? right.fault)
    }
  }

  private let live: LiveRuntime
  private let packets: [[UInt8]]
  /// Packets per second on each CPU; `nil` for as many as it can.
  private let rate: Int?
  private let isStopped = Atomic<Bool>(false)
  private let countsHops: Bool
  private let counters: [Counter]
  private let threads: NIOThreadPool

  /// One CPU's counts.
  private final class Counter: Sendable {
    let counts = Mutex(Counts())
    let hops = Mutex(HopCounts())
  }

  /// Prepares to run packets.
  ///
  /// - Parameters:
  ///   - packets: The packets, at least one.
  ///   - live: What runs them.
  ///   - rate: Packets per second on each CPU; `nil` for as many as it can.
  ///   - countsHops: Whether taken tail calls are counted by slot; it costs time at each.
  public init(
    packets: [[UInt8]], through live: LiveRuntime, rate: Int?, countsHops: Bool = false
  ) {
    precondition(!packets.isEmpty, "traffic without packets")
    self.live = live
    self.packets = packets
    self.rate = rate
    self.countsHops = countsHops
    threads = NIOThreadPool(numberOfThreads: live.runtime.possibleCPUs)
    counters = (0..<live.runtime.possibleCPUs).map { _ in Counter() }
  }

  /// Starts a thread for each CPU.
  ///
  /// - Throws: ``ControlError`` when the programs' type takes no packets.
  public func start() throws(ControlError) {
    do throws(LinuxError) {
      _ = try PacketContext(type: live.entryPoint.type)
    } catch {
      throw ControlError(
        .unavailable, "programs of type \(live.entryPoint.type.name) take no packets")
    }
    threads.start()
    for cpu in counters.indices {
      threads.submit { [self] _ in try? run(cpu: cpu) }
    }
  }

  /// Ends all threads, and waits for them.
  public func stop() {
    isStopped.store(true, ordering: .relaxed)
    try? threads.syncShutdownGracefully()
  }

  /// Counts of all CPUs.
  package var counts: Counts { counters.map { $0.counts.withLock { $0 } }.reduce(Counts(), +) }

  /// Tail calls by slot, of all CPUs; `nil` when they are not counted.
  package var hops: HopCounts? {
    guard countsHops else { return nil }
    return counters.reduce(into: HopCounts()) { sum, counter in
      sum.add(counter.hops.withLock { $0 })
    }
  }

  private func run(cpu index: Int) throws(LinuxError) {
    let cpu = try live.runtime.makeCPU(index: index)
    cpu.recordsTailCalls = countsHops
    let context = try PacketContext(type: live.entryPoint.type)
    let clock = ContinuousClock()
    let start = clock.now
    var done = 0
    var position = index % packets.count
    while !isStopped.load(ordering: .relaxed) {
      // Small enough for counts that look alive and for prompt ends, large enough to be cheap.
      let burst = rate.map { max(1, min(256, $0 / 100)) } ?? 256
      var counts = Counts()
      for _ in 0..<burst {
        run(packets[position], cpu, context, &counts)
        if countsHops {
          counters[index].hops.withLock { hops in for hop in cpu.tailCalls { hops.add(hop) } }
        }
        position = position + 1 == packets.count ? 0 : position + 1
      }
      counters[index].counts.withLock { $0 = $0 + counts }
      done += burst
      if let rate {
        let due = start + .nanoseconds(Int(Double(done) / Double(rate) * 1e9))
        // A pause is short, so that the end is prompt.
        while clock.now < due, !isStopped.load(ordering: .relaxed) { Pause.until(due, clock) }
      }
    }
  }

  private func run(
    _ packet: [UInt8], _ cpu: CPU, _ context: PacketContext, _ counts: inout Counts
  ) {
    do throws(LinuxError) {
      try context.load(packet)
    } catch {
      counts.skipped += 1
      return
    }
    counts.packets += 1
    do throws(Fault) {
      guard let result = try cpu.run(live.entryPoint, in: context) else { return }
      counts.verdicts[UInt32(truncatingIfNeeded: result.returnValue), default: 0] += 1
    } catch {
      counts.faults += 1
      if counts.fault == nil { counts.fault = "\(error)" }
    }
  }
}
