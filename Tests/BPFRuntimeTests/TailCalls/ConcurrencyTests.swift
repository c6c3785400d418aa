import BPFRuntime
import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("Tail calls: slots replaced while programs run")
struct TailCallConcurrencyTests {
  static func source(
    _ name: String, _ text: String, _ maps: [String: MapHandle]
  ) throws -> ProgramSource {
    try RuntimeBench.source(name, BenchProgram(text), maps)
  }

  static func definition(_ entries: UInt32) -> MapDefinition {
    MapDefinition(
      name: "slots", type: .programArray, keySize: 4, valueSize: 4, maxEntries: entries)
  }

  /// Runs `change` over and over while a thread of its own runs a program; returns what the runs
  /// came to, with how often.
  ///
  /// A thread, because other tests may hold every one that tasks could run on.
  static func race(
    _ runtime: Runtime, _ program: Program, mode: CPU.Mode, _ change: (Int) throws -> Void
  ) throws -> [UInt64: Int] {
    let runner = Runner()
    Thread.detachNewThread { runner.run(runtime, program, mode: mode) }
    let clock = ContinuousClock()
    let start = clock.now
    var count = 0
    var isDone = false
    while !isDone {
      try change(count)
      count += 1
      let time = clock.now - start
      isDone =
        time > .milliseconds(250) && count > 100 && runner.runCount.load(ordering: .relaxed) > 100
        || time > .seconds(10)
    }
    runner.isStopped.store(true, ordering: .relaxed)
    runner.end.wait()
    #expect(count > 100)
    return runner.results.withLock { $0 }
  }

  /// The thread that runs the program.
  final class Runner: Sendable {
    let isStopped = Atomic<Bool>(false)
    let runCount = Atomic<Int>(0)
    let results = Mutex<[UInt64: Int]>([:])
    let end = DispatchSemaphore(value: 0)

    func run(_ runtime: Runtime, _ program: Program, mode: CPU.Mode) {
      defer { end.signal() }
      guard let cpu = try? runtime.makeCPU(index: 1),
        let context = try? Context(layout: ProgramType.words.context)
      else { return }
      var found: [UInt64: Int] = [:]
      while !isStopped.load(ordering: .relaxed) {
        let value = try? cpu.run(program, in: context, mode: mode).returnValue
        found[value ?? .max, default: 0] += 1
        runCount.wrappingAdd(1, ordering: .relaxed)
      }
      results.withLock { $0 = found }
    }
  }

  @Test(
    "R4.6: a slot that is replaced is never seen empty", arguments: [CPU.Mode.checked, .unchecked])
  func replace(mode: CPU.Mode) throws {
    let runtime = Runtime(possibleCPUs: 2)
    let slots = try runtime.makeMap(Self.definition(2))
    let maps = ["slots": slots]
    let main = try runtime.load(Self.source("main", Text.hop(1, missed: 99), maps))
    let targets = try [7, 8].map {
      try runtime.load(Self.source("t\($0)", Text.returning($0), [:]))
    }
    try slots.update(littleEndian(1), littleEndian(targets[0].id))
    let results = try Self.race(runtime, main, mode: mode) { count in
      try slots.update(littleEndian(1), littleEndian(targets[count % 2].id))
    }
    #expect(Set(results.keys).isSubset(of: [7, 8]), "\(results)")
    #expect(results.values.reduce(0, +) > 100)
  }

  @Test("R4.6: programs that only their slot keeps are replaced under runs that are inside them")
  func replaceLast() throws {
    let runtime = Runtime(possibleCPUs: 2)
    let slots = try runtime.makeMap(Self.definition(2))
    let main = try runtime.load(
      Self.source("main", Text.hop(1, missed: 99), ["slots": slots]))
    // Long enough to be caught in the middle.
    let text = "r0 = 0\nagain: r0 += 1\nif r0 != 200 goto again\nexit"
    let source = try Self.source("target", text, [:])
    try slots.setProgram(try runtime.load(source), at: 1)
    let results = try Self.race(runtime, main, mode: .unchecked) { _ in
      try slots.setProgram(try runtime.load(source), at: 1)
    }
    #expect(Array(results.keys) == [200])
  }

  @Test("R4.6: E9: E10: programs come and go while a slot is filled and emptied")
  func loadAndToggle() throws {
    let runtime = Runtime(possibleCPUs: 2)
    let slots = try runtime.makeMap(Self.definition(1))
    let text = Text.lines(
      "call sub", "exit", "sub: r6 = r1", Text.tail(0), Text.leave(5))
    let source = try Self.source("user", text, ["slots": slots])
    let main = try runtime.load(source)
    let target = try runtime.load(Self.source("target", Text.returning(6), [:]))
    let results = try Self.race(runtime, main, mode: .checked) { count in
      let user = try runtime.load(source)
      #expect(user.id > main.id)
      if count % 2 == 0 {
        try slots.update(littleEndian(0), littleEndian(target.id))
      } else {
        try slots.delete(littleEndian(0))
      }
    }
    #expect(Set(results.keys).isSubset(of: [5, 6]), "\(results)")
  }

  /// What the two sides of the next test tell each other.
  final class Progress: Sendable {
    /// Value of the program that was stored last.
    let latest = Atomic<Int>(0)
    /// Runs that saw an older one.
    let wrong = Atomic<Int>(0)
  }

  @Test("R4.7: once an update has returned, every later run sees it")
  func laterRuns() throws {
    let runtime = Runtime(possibleCPUs: 2)
    let slots = try runtime.makeMap(Self.definition(2))
    let main = try runtime.load(
      Self.source("main", Text.hop(1, missed: 0), ["slots": slots]))
    let targets = try (1...200).map {
      try runtime.load(Self.source("t\($0)", Text.returning($0), [:]))
    }
    let progress = Progress()
    let end = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      defer { end.signal() }
      guard let cpu = try? runtime.makeCPU(index: 1),
        let context = try? Context(layout: ProgramType.words.context)
      else {
        progress.wrong.wrappingAdd(1, ordering: .relaxed)
        return
      }
      var before = 0
      while before < 200 {
        before = progress.latest.load(ordering: .acquiring)
        let value = (try? cpu.run(main, in: context).returnValue) ?? 0
        if value < UInt64(before) { progress.wrong.wrappingAdd(1, ordering: .relaxed) }
      }
    }
    for (index, target) in targets.enumerated() {
      try slots.update(littleEndian(1), littleEndian(target.id))
      progress.latest.store(index + 1, ordering: .releasing)
    }
    end.wait()
    let wrongCount = progress.wrong.load(ordering: .relaxed)
    #expect(wrongCount == 0)
  }
}
