import BPFRuntime
import Synchronization
import TestSupport
import Testing

@Suite("Missed tail calls are told while they happen")
struct MissEventTests {
  final class Events: Sendable {
    let list = Mutex<[MissEvent]>([])
    var all: [MissEvent] { list.withLock { $0 } }
    func add(_ event: MissEvent) { list.withLock { $0.append(event) } }
  }

  @Test("with caller, array, index, reason, hop and generation", arguments: Engine.ours)
  func contents(engine: Engine) throws {
    let world = try ChainWorld(engine)
    let events = Events()
    let observation = world.runtime.observeMisses { events.add($0) }
    #expect(try world.bench.run("main") == 99)
    var change = world.runtime.beginTransaction()
    try change.set(world.program("other"), in: world.map("a"), at: 0)
    try change.commit()
    #expect(try world.bench.run("main") == 98)
    let all = events.all
    #expect(all.count == 2)
    #expect(all.map(\.array) == ["a", "b"])
    #expect(all.map(\.program) == ["main", "other"])
    #expect(all.map(\.outcome) == [.empty, .empty])
    #expect(all.map(\.record.hop) == [0, 1])
    #expect(all.map(\.record.generation) == [1, 2])
    let instruction = try world.program("main").tailCallSites[0]
    #expect(
      all[0].description
        == "a[0]: empty, called by main at \(instruction), after 0 hops, generation 1")
    observation.cancel()
    #expect(try world.bench.run("main") == 98)
    #expect(events.all.count == 2)
  }

  @Test("with every reason", arguments: Engine.ours)
  func reasons(engine: Engine) throws {
    let world = try ChainWorld(engine)
    let events = Events()
    let observation = world.runtime.observeMisses { events.add($0) }
    try world.bench.load("range", Text.hop(4, in: "a", missed: 7))
    #expect(try world.bench.run("range") == 7)
    try world.bench.store("main", in: "a", at: 0)
    #expect(try world.bench.run("main") == 99)
    #expect(events.all.map(\.outcome) == [.outOfRange, .limit])
    #expect(events.all.map(\.record.hop) == [0, 33])
    withExtendedLifetime(observation) {}
  }

  @Test("sampled, to each observer as often as it wants")
  func sampling() throws {
    let world = try ChainWorld(.unchecked)
    let (all, some) = (Events(), Events())
    let observations = [
      world.runtime.observeMisses { all.add($0) },
      world.runtime.observeMisses(every: 5) { some.add($0) },
    ]
    for _ in 0..<64 { _ = try world.bench.run("main") }
    #expect(all.all.count == 64)
    #expect(some.all.count == 8, "five is rounded up to eight")
    withExtendedLifetime(observations) {}
  }

  @Test("an observation that nobody keeps is over")
  func dropped() throws {
    let world = try ChainWorld(.unchecked)
    let events = Events()
    _ = world.runtime.observeMisses { events.add($0) }
    #expect(try world.bench.run("main") == 99)
    #expect(events.all.isEmpty)
  }

  @Test("as an asynchronous sequence that drops what nobody reads in time")
  func sequence() async throws {
    let world = try ChainWorld(.unchecked)
    let stream = world.runtime.missEvents(keeping: 3)
    for _ in 0..<10 { _ = try world.bench.run("main") }
    _ = try world.bench.run("other")
    var arrays: [String] = []
    for await event in stream {
      arrays.append(event.array)
      if event.array == "b" { break }
    }
    #expect(arrays == ["a", "a", "b"])
  }
}
