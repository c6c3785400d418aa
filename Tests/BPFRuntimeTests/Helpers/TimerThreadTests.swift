import BPFCompiler
import Dispatch
import Synchronization
import TestSupport
import Testing

@testable import BPFRuntime

@Suite("Timers under several threads", .serialized)
struct TimerThreadTests {
  /// Arms the timer of the element whose key stands in the context. Its callback counts in the
  /// first word of `seen`, and in the second one when the value is not the key's: in each value the
  /// key stands behind the timer, and what follows is 0 all the time.
  private static let text = """
    r1 = *(u32 *)(r1 +0)
    *(u32 *)(r10 -4) = r1
    r1 = map[timers]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto out
    r6 = r0
    r1 = r6
    r2 = map[timers]
    r3 = 1
    call timer_init
    r1 = r6
    r2 = function[tick]
    call timer_set_callback
    r1 = r6
    r2 = 0
    r3 = 0
    call timer_start
    out: r0 = 0
    exit
    tick:
    r6 = *(u32 *)(r2 +0)
    r7 = r3
    *(u32 *)(r10 -4) = 0
    r1 = map[seen]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto done
    r1 = *(u64 *)(r0 +0)
    r1 += 1
    *(u64 *)(r0 +0) = r1
    r8 = 50
    look: r1 = *(u64 *)(r7 +16)
    if r1 != r6 goto wrong
    r1 = *(u64 *)(r7 +24)
    if r1 != 0 goto wrong
    r8 += -1
    if r8 != 0 goto look
    goto done
    wrong: r1 = *(u64 *)(r0 +8)
    r1 += 1
    *(u64 *)(r0 +8) = r1
    done: r0 = 0
    exit
    """

  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.interpreter, .compiled]

  @Test(
    "a timer calls back with its own element, however others delete and insert",
    arguments: engines)
  func churn(engine: Runtime.Engine) throws {
    let runtime = Runtime(possibleCPUs: 2, compiler: .x86())
    let keyCount: UInt32 = 4
    let timers = try runtime.makeMap(
      MapDefinition(name: "timers", type: .hash, keySize: 4, valueSize: 32, maxEntries: keyCount))
    let seen = try runtime.makeMap(
      MapDefinition(name: "seen", type: .array, keySize: 4, valueSize: 16, maxEntries: 1))
    let program = try unsafe runtime.loadUnverified(
      ProgramSource(assembly: Self.text, maps: ["timers": timers, "seen": seen]), engine: engine)
    let isDone = Atomic<Bool>(false)
    let faults = Atomic<Int>(0)
    let group = DispatchGroup()
    DispatchQueue.global().async(group: group) {
      do {
        let cpu = try runtime.makeCPU()
        var turn: UInt32 = 0
        // Until enough of them have called back, or that is not going to happen.
        while turn < 20_000_000, faults.load(ordering: .relaxed) == 0 {
          _ = try cpu.run(program, in: MemoryContext(bytes(turn % keyCount)))
          _ = try cpu.runTimers()
          turn += 1
          if turn % 1000 == 0, try seen.lookup(bytes(UInt32(0)))[1] >= 8 { break }
        }
      } catch {
        faults.add(1, ordering: .relaxed)
      }
      isDone.store(true, ordering: .releasing)
    }
    var key: UInt32 = 0
    while !isDone.load(ordering: .acquiring) {
      try? timers.delete(bytes(key))
      key = (key &+ 1) % keyCount
      let zeros = [UInt8](repeating: 0, count: 16)
      try? timers.update(bytes(key), zeros + bytes(UInt64(key)) + bytes(UInt64(0)))
    }
    group.wait()
    #expect(faults.load(ordering: .relaxed) == 0)
    let counts = try seen.lookup(bytes(UInt32(0)))
    #expect(counts[..<8] != bytes(UInt64(0))[...])
    #expect(counts[8...] == bytes(UInt64(0))[...])
  }
}
