import BPFRuntime
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

@Suite("Helpers that call back")
struct CallbackTests {
  /// Calls bpf_loop with a counter on the stack as the callback's data; r0 is its result, r7 the
  /// counter.
  private static func loop(_ count: String, flags: Int = 0) -> String {
    """
    r1 = 0
    *(u64 *)(r10 -8) = r1
    \(count)
    r2 = function[each]
    r3 = r10
    r3 += -8
    r4 = \(flags)
    call 181
    r7 = *(u64 *)(r10 -8)
    """
  }

  /// Adds the index to the counter and stops after index `last`.
  private static func each(last: Int) -> String {
    """
    each:
    r3 = *(u64 *)(r2 +0)
    r3 += r1
    *(u64 *)(r2 +0) = r3
    r0 = 0
    if r1 < \(last) goto done
    r0 = 1
    done:
    exit
    """
  }

  @Test("bpf_loop counts from 0 and stops when the callback says so", arguments: Engine.all)
  func loops(engine: Engine) throws {
    for (count, last, calls, sum) in [
      (0, 100, 0, 0), (1, 100, 1, 0), (10, 100, 10, 45), (10, 3, 4, 6), (1000, 5000, 1000, 499_500),
    ] {
      let bench = try engine.bench()
      try bench.load(
        "main",
        Text.lines(
          "r6 = r1", Self.loop("r1 = *(u64 *)(r6 +0)"), "r7 *= 10000", "r0 += r7", "exit",
          Self.each(last: last)))
      #expect(
        try bench.run("main", UInt64(count)) == UInt32(truncatingIfNeeded: sum * 10000 + calls),
        "\(count) \(last)")
    }
  }

  @Test("bpf_loop refuses flags and more than 8388608 iterations", arguments: Engine.all)
  func loopLimits(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.load(
      "main",
      Text.lines("r6 = r1", Self.loop("r1 = *(u64 *)(r6 +0)"), "exit", Self.each(last: 3)))
    #expect(try bench.run("main", 8_388_608) == 4)
    #expect(try bench.run("main", 8_388_609) == UInt32(bitPattern: -7))
    // All 64 bits count, as where Linux makes a loop of the call.
    #expect(try bench.run("main", 0x1_0000_0002) == UInt32(bitPattern: -7))
    try bench.load(
      "flags",
      Text.lines("r6 = r1", Self.loop("r1 = 9000000", flags: 1), "exit", Self.each(last: 3)))
    #expect(try bench.run("flags") == UInt32(bitPattern: -22))
  }

  @Test("callbacks leave r6 to r9 and the caller's stack alone", arguments: Engine.all)
  func preserves(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.load(
      "main",
      """
      r6 = 1
      r7 = 20
      r8 = 300
      r9 = 4000
      *(u64 *)(r10 -16) = 50000
      r1 = 5
      r2 = function[each]
      r3 = 0
      r4 = 0
      call 181
      r0 += r6
      r0 += r7
      r0 += r8
      r0 += r9
      r1 = *(u64 *)(r10 -16)
      r0 += r1
      exit
      each:
      r6 = 7
      r7 = 7
      r8 = 7
      r9 = 7
      *(u64 *)(r10 -16) = 7
      r0 = 0
      exit
      """)
    #expect(try bench.run("main") == 54326)
  }

  @Test("callbacks call subprograms and helpers that call back", arguments: Engine.all)
  func nesting(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.load(
      "main",
      """
      *(u64 *)(r10 -8) = 0
      r1 = 3
      r2 = function[outer]
      r3 = r10
      r3 += -8
      r4 = 0
      call 181
      r1 = *(u64 *)(r10 -8)
      r1 *= 100
      r0 += r1
      exit
      outer:
      r6 = r2
      r1 = 4
      r2 = function[inner]
      r3 = r6
      r4 = 0
      call 181
      r1 = r0
      call double
      r1 = *(u64 *)(r6 +0)
      r1 += r0
      *(u64 *)(r6 +0) = r1
      r0 = 0
      exit
      inner:
      r1 = *(u64 *)(r2 +0)
      r1 += 1
      *(u64 *)(r2 +0) = r1
      r0 = 0
      exit
      double:
      r0 = r1
      r0 += r1
      exit
      """)
    // Three times: four increments, and twice four.
    #expect(try bench.run("main") == 3603)
  }

  @Test("bpf_for_each_map_elem visits every element", arguments: Engine.all)
  func elements(engine: Engine) throws {
    for type in [MapType.array, .hash, .perCPUArray, .perCPUHash] {
      let bench = try engine.bench()
      try bench.makeMap(
        "map",
        MapDefinition(name: "map", type: type, keySize: 4, valueSize: 8, maxEntries: 5))
      let fill = (0..<5).map { index in
        """
        *(u32 *)(r10 -4) = \(index)
        *(u64 *)(r10 -16) = \(index * 10 + 1)
        r1 = map[map]
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -16
        r4 = 0
        call 2
        """
      }.joined(separator: "\n")
      func program(flags: Int, last: Int) -> String {
        """
        \(fill)
        *(u64 *)(r10 -24) = 0
        r1 = map[map]
        r2 = function[each]
        r3 = r10
        r3 += -24
        r4 = \(flags)
        call 164
        r1 = *(u64 *)(r10 -24)
        r1 *= 100
        r0 += r1
        exit
        each:
        r1 = *(u32 *)(r2 +0)
        r2 = *(u64 *)(r3 +0)
        r1 += r2
        r2 = *(u64 *)(r4 +0)
        r2 += r1
        *(u64 *)(r4 +0) = r2
        r0 = 0
        if r2 < \(last) goto done
        r0 = 1
        done:
        exit
        """
      }
      try bench.load("all", program(flags: 0, last: 10000))
      #expect(try bench.run("all") == UInt32((10 + 105) * 100 + 5), "\(type)")
      try bench.load("first", program(flags: 0, last: 0))
      #expect(try bench.run("first") % 100 == 1, "\(type)")
      try bench.load("flags", program(flags: 1, last: 10000))
      #expect(try bench.run("flags") == UInt32(bitPattern: -22), "\(type)")
    }
  }

  @Test("elements can be removed while they are visited", arguments: Engine.ours)
  func removal(engine: Engine) throws {
    let bench = try engine.bench()
    try bench.makeMap(
      "map", MapDefinition(name: "map", type: .hash, keySize: 4, valueSize: 8, maxEntries: 8))
    for index in 0..<8 {
      try bench.update("map", [UInt8(index), 0, 0, 0], [UInt8](repeating: 1, count: 8), flags: 0)
    }
    try bench.load(
      "main",
      """
      r1 = map[map]
      r2 = function[each]
      r3 = 0
      r4 = 0
      call 164
      exit
      each:
      r1 = map[map]
      call 3
      exit
      """)
    #expect(try bench.run("main") == 8)
    #expect(try bench.nextKey("map", after: nil) == nil)
  }

  @Test("a fault in a callback ends the run and names its place")
  func faultInCallback() throws {
    let runtime = Runtime()
    let program = try runtime.load(
      ProgramSource(
        assembly: """
          r1 = 5
          r2 = subprog[+5]
          r3 = 0
          r4 = 0
          call 181
          exit
          r0 = *(u64 *)(r1 +0)
          exit
          """))
    let fault = #expect(throws: Fault.self) {
      try runtime.makeCPU().run(program, in: MemoryContext([0]))
    }
    #expect(fault?.kind == .invalidRead(address: 0, size: 8))
    #expect(fault?.instruction == 7)
  }

  @Test("a checked run refuses what is no function, and callbacks without end")
  func badFunctions() throws {
    let runtime = Runtime()
    let number = try runtime.load(
      ProgramSource(assembly: "r1 = 5\nr2 = 8\nr3 = 0\nr4 = 0\ncall 181\nexit"))
    let fault = #expect(throws: Fault.self) {
      try runtime.makeCPU().run(number, in: MemoryContext([0]))
    }
    #expect(fault?.kind == .invalidHelperArgument(number: 2, value: 8))
    let endless = try runtime.load(
      ProgramSource(
        assembly: """
          r1 = 5
          r2 = subprog[+5]
          r3 = 0
          r4 = 0
          call 181
          exit
          r1 = 5
          r2 = subprog[-2]
          r3 = 0
          r4 = 0
          call 181
          exit
          """))
    let depth = #expect(throws: Fault.self) {
      try runtime.makeCPU().run(endless, in: MemoryContext([0]))
    }
    #expect(depth?.kind == .callStackTooDeep)
  }
}
