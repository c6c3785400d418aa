import BPFCompiler
import Dispatch
import Synchronization
import TestSupport
import Testing

@testable import BPFRuntime

@Suite("Many timers, and timers of several CPUs", .serialized)
struct TimerTableTests {
  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.interpreter, .compiled]

  /// Timers with 32 bytes behind them, in a map of any number of them, and words that all see.
  private final class Stage: Sendable {
    let runtime = Runtime(possibleCPUs: 2, compiler: .x86())
    let timers: MapHandle
    let seen: MapHandle
    let engine: Runtime.Engine

    init(_ engine: Runtime.Engine, _ type: MapType = .array, count: UInt32 = 2) throws {
      self.engine = engine
      timers = try runtime.makeMap(
        MapDefinition(
          name: "timers", type: type, keySize: 4, valueSize: 32, maxEntries: count))
      seen = try runtime.makeMap(
        MapDefinition(name: "seen", type: .array, keySize: 4, valueSize: 64, maxEntries: 1))
    }

    /// A program that has the timer of the element in its first word in r6, and the second word in
    /// r7.
    func program(_ body: String, callback: String = "tick: r0 = 0\nexit") throws -> Program {
      let text = """
        r7 = *(u64 *)(r1 +8)
        r1 = *(u64 *)(r1 +0)
        *(u32 *)(r10 -4) = r1
        r1 = map[timers]
        r2 = r10
        r2 += -4
        call map_lookup_elem
        if r0 == 0 goto out
        r6 = r0
        \(body)
        out: exit
        \(callback)
        """
      return try unsafe runtime.loadUnverified(
        ProgramSource(assembly: text, maps: ["timers": timers, "seen": seen]), engine: engine)
    }

    func run(_ program: Program, _ cpu: CPU, _ words: UInt64...) throws -> Int64 {
      let context = try MemoryContext((words + [0]).flatMap { bytes($0) })
      return Int64(bitPattern: try cpu.run(program, in: context).returnValue)
    }

    func word(_ index: Int) throws -> UInt64 {
      try seen.lookup(littleEndian(0))[(8 * index)..<(8 * index + 8)].reversed()
        .reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  private static let initialize = "r1 = r6\nr2 = map[timers]\nr3 = 1\ncall timer_init\n"
  private static let setCallback = "r1 = r6\nr2 = function[tick]\ncall timer_set_callback\n"
  private static let start = "r1 = r6\nr2 = r7\nr3 = 1\ncall timer_start\n"

  @Test("what is kept of timers whose elements are gone is bounded", arguments: engines)
  func bounded(engine: Runtime.Engine) throws {
    let stage = try Stage(engine, .hash, count: 8)
    let cpu = try stage.runtime.makeCPU()
    let program = try stage.program(Self.initialize)
    for turn in 0..<2000 as Range<UInt32> {
      try stage.timers.update(littleEndian(turn), [UInt8](repeating: 0, count: 32))
      #expect(try stage.run(program, cpu, UInt64(turn)) == 0)
      try stage.timers.delete(littleEndian(turn))
    }
    #expect(stage.runtime.timers.count <= 128)
    // A living one is never forgotten.
    try stage.timers.update(littleEndian(1), [UInt8](repeating: 0, count: 32))
    #expect(try stage.run(program, cpu, 1) == 0)
    #expect(try stage.run(program, cpu, 1) == -16)
  }

  @Test("timers fire in the order of their deadlines, however they were started")
  func order() throws {
    let count: UInt32 = 5000
    let stage = try Stage(.interpreter, .array, count: count)
    let cpu = try stage.runtime.makeCPU()
    cpu.clock = .fixed(0)
    // The callback's key is the deadline, because each is started at its own index: it has to be
    // the last one's successor, or the second word counts.
    let program = try stage.program(
      Self.initialize + Self.setCallback + Self.start + Self.start,
      callback: """
        tick:
        r6 = *(u32 *)(r2 +0)
        *(u32 *)(r10 -4) = 0
        r1 = map[seen]
        r2 = r10
        r2 += -4
        call map_lookup_elem
        if r0 == 0 goto done
        r1 = *(u64 *)(r0 +0)
        if r1 == r6 goto right
        r2 = *(u64 *)(r0 +8)
        r2 += 1
        *(u64 *)(r0 +8) = r2
        right: r6 += 1
        *(u64 *)(r0 +0) = r6
        done: r0 = 0
        exit
        """)
    var generator = SystemRandomNumberGenerator()
    let restart = try stage.program(Self.start)
    for key in (0..<UInt64(count)).shuffled(using: &generator) {
      #expect(try stage.run(program, cpu, key, 1_000_000 - key) == 0)
    }
    // All of them again, somewhere else: what they were started for before does not count.
    for key in (0..<UInt64(count)).shuffled(using: &generator) {
      #expect(try stage.run(restart, cpu, key, key + 1) == 0)
    }
    cpu.clock = .fixed(1000)
    #expect(try cpu.runTimers() == 1000)
    cpu.clock = .fixed(2_000_000)
    #expect(try cpu.runTimers() == Int(count) - 1000)
    #expect(try stage.word(0) == UInt64(count))
    #expect(try stage.word(1) == 0)
    #expect(try cpu.runTimers() == 0)
  }

  @Test("a timer that starts itself with no delay is due in the next round", arguments: engines)
  func restarts(engine: Runtime.Engine) throws {
    let stage = try Stage(engine)
    let cpu = try stage.runtime.makeCPU()
    cpu.clock = .fixed(1000)
    let program = try stage.program(
      Self.initialize + Self.setCallback + Self.start,
      callback: "tick: r1 = r3\nr2 = 0\nr3 = 0\ncall timer_start\nr0 = 0\nexit")
    #expect(try stage.run(program, cpu, 0, 1000) == 0)
    #expect(try stage.run(program, cpu, 1, 1000) == 0)
    for _ in 0..<3 { #expect(try cpu.runTimers() == 2) }
  }

  /// A callback that counts in the first word, waits until the second word is as large as the third
  /// word of its own value, and counts in the third word; then a little more.
  private static func waiting(_ more: String = "") -> String {
    """
    tick:
    r7 = r3
    r6 = r1
    *(u32 *)(r10 -4) = 0
    r1 = map[seen]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto done
    r8 = r0
    r1 = 1
    lock *(u64 *)(r8 +0) += r1
    again: r1 = *(u64 *)(r8 +8)
    r2 = *(u64 *)(r7 +16)
    if r1 < r2 goto again
    \(more)
    r1 = 1
    lock *(u64 *)(r8 +16) += r1
    done: r0 = 0
    exit
    """
  }

  private func until(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<2000 {
      if try condition() { return true }
      HostThread.yield()
      pauseBriefly()
    }
    return false
  }

  private func pauseBriefly() { _ = DispatchSemaphore(value: 0).wait(timeout: .now() + 0.005) }

  @Test("cancelling waits for the callback on another CPU", arguments: engines)
  func waits(engine: Runtime.Engine) throws {
    let stage = try Stage(engine)
    let program = try stage.program(
      Self.initialize + Self.setCallback + "r1 = 1\n*(u64 *)(r6 +16) = r1\n" + Self.start,
      callback: Self.waiting())
    let cancel = try stage.program("r1 = r6\ncall timer_cancel\n")
    let group = DispatchGroup()
    let faults = Atomic<Int>(0)
    let cpu = try stage.runtime.makeCPU()
    #expect(try stage.run(program, cpu, 0, 1) == 0)
    DispatchQueue.global().async(group: group) {
      do {
        let other = try stage.runtime.makeCPU()
        other.instructionLimit = .max
        _ = try other.runTimers()
      } catch {
        faults.add(1, ordering: .relaxed)
      }
    }
    #expect(try until { try stage.word(0) == 1 })
    let isCancelled = Atomic<Bool>(false)
    DispatchQueue.global().async(group: group) {
      // It must not come back before the callback has; then it stands still.
      guard let other = try? stage.runtime.makeCPU(),
        (try? stage.run(cancel, other, 0)) == 0, (try? stage.word(2)) == 1
      else {
        faults.add(1, ordering: .relaxed)
        return
      }
      isCancelled.store(true, ordering: .releasing)
    }
    pauseBriefly()
    #expect(isCancelled.load(ordering: .acquiring) == false)
    try stage.seen.update(littleEndian(0), bytes(1) + bytes(1) + [UInt8](repeating: 0, count: 48))
    group.wait()
    #expect(isCancelled.load(ordering: .acquiring) == true)
    #expect(faults.load(ordering: .relaxed) == 0)
  }

  @Test("callbacks that cancel each other do not wait for ever", arguments: engines)
  func mutual(engine: Runtime.Engine) throws {
    let stage = try Stage(engine)
    // Each waits until both have begun, and cancels the other one.
    let program = try stage.program(
      Self.initialize + Self.setCallback + "r1 = 1\n*(u64 *)(r6 +16) = r1\n" + Self.start,
      callback: Self.waiting(
        """
        r1 = *(u64 *)(r8 +0)
        if r1 < 2 goto again
        r1 = *(u64 *)(r7 +24)
        r1 ^= 1
        *(u32 *)(r10 -4) = r1
        r1 = r6
        r2 = r10
        r2 += -4
        call map_lookup_elem
        if r0 == 0 goto done
        r1 = r0
        call timer_cancel
        if r0 != -35 goto fine
        r1 = 1
        lock *(u64 *)(r8 +24) += r1
        fine:
        """))
    let one = try stage.program("r1 = 1\n*(u64 *)(r6 +24) = r1\nr0 = 0")
    let cpu = try stage.runtime.makeCPU()
    #expect(try stage.run(one, cpu, 1) == 0)
    for key in [0, 1] as [UInt64] { #expect(try stage.run(program, cpu, key, 1) == 0) }
    try stage.seen.update(littleEndian(0), bytes(0) + bytes(1) + [UInt8](repeating: 0, count: 48))
    let group = DispatchGroup()
    let faults = Atomic<Int>(0)
    for _ in 0..<2 {
      DispatchQueue.global().async(group: group) {
        do {
          let other = try stage.runtime.makeCPU()
          other.instructionLimit = .max
          // The second one that is due is taken by the other thread, if that is fast enough.
          while try stage.word(2) < 2 { _ = try other.runTimers() }
        } catch {
          faults.add(1, ordering: .relaxed)
        }
      }
    }
    group.wait()
    #expect(faults.load(ordering: .relaxed) == 0)
    #expect(try (1...2).contains(stage.word(3)))
  }
}

private func bytes(_ value: UInt64) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}
