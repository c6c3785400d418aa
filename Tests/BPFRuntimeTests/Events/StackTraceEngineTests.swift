import BPFRuntime
import TestSupport
import Testing

@Suite("Call stacks in every engine", .serialized)
struct StackTraceEngineTests {
  private func number(_ flags: UInt64) -> String {
    "r2 = map[stacks]\nr3 = \(flags) ll\ncall 27\nexit"
  }

  private func addresses(_ size: Int, _ flags: UInt64) -> String {
    """
    *(u64 *)(r10 -16) = -1
    *(u64 *)(r10 -8) = -1
    r2 = r10
    r2 += -16
    r3 = \(size)
    r4 = \(flags) ll
    call 67
    exit
    """
  }

  private func bench(_ engine: Engine) throws -> any Bench {
    let bench = try engine.bench()
    try bench.makeMap("stacks", MapDefinition(MapShape(7, value: 64, entries: 16)))
    return bench
  }

  @Test("flags that do not exist are EINVAL", arguments: Engine.all)
  func flags(engine: Engine) throws {
    let bench = try bench(engine)
    for flags in [1 << 11, 1 << 12, 1 << 63, 1 << 32] as [UInt64] {
      try bench.load("number", number(flags))
      #expect(try bench.run("number", 0) == 0 &- 22, "flags \(flags)")
    }
    for (size, flags) in [
      (8, 1 << 9), (8, 1 << 10), (8, 1 << 12), (8, 1 << 11), (7, 0), (12, 0),
    ] as [(Int, UInt64)] {
      try bench.load("addresses", addresses(size, flags))
      #expect(try bench.run("addresses", 0) == 0 &- 22, "size \(size), flags \(flags)")
    }
  }

  @Test("a stack that is not deep enough is EFAULT", arguments: Engine.all)
  func shallow(engine: Engine) throws {
    let bench = try bench(engine)
    try bench.load("number", number(255))
    #expect(try bench.run("number", 0) == 0 &- 14)
  }

  @Test("stacks of the host get numbers, and are read by them", arguments: Engine.ours)
  func numbers(engine: Engine) throws {
    let bench = try RuntimeBench(engine)
    try bench.makeMap("stacks", MapDefinition(MapShape(7, value: 32, entries: 1)))
    let stack: [UInt64] = [0x1000, 0x2000, 0x3000]
    bench.cpu.stackHandler = { $0 == .kernel ? stack : [0x9000] }
    try bench.load("kernel", number(0))
    try bench.load("skipping", number(1))
    try bench.load("user", number(1 << 8))
    try bench.load("replacing", number(1 << 8 | 1 << 10))
    // One bucket, so that every stack has the number 0.
    #expect(try bench.run("kernel", 0) == 0)
    #expect(try bench.run("kernel", 0) == 0)
    #expect(
      try bench.lookup("stacks", littleEndian(0), flags: 0) == (stack + [0]).flatMap { bytes($0) })
    #expect(try bench.run("user", 0) == 0 &- 17)
    #expect(try bench.run("skipping", 0) == 0 &- 17)
    #expect(try bench.run("replacing", 0) == 0)
    #expect(
      try bench.lookup("stacks", littleEndian(0), flags: 0)
        == [0x9000, 0, 0, 0].flatMap { bytes(UInt64($0)) })
    #expect(try bench.nextKey("stacks", after: nil) == littleEndian(0))
    try bench.delete("stacks", littleEndian(0))
    #expect(try bench.nextKey("stacks", after: nil) == nil)
    try bench.load("addresses", addresses(16, 1))
    #expect(try bench.run("addresses", 0) == 16)
    try bench.load("addresses", addresses(8, 1))
    #expect(try bench.run("addresses", 0) == 8)
    try bench.load("deep", addresses(8, 3))
    #expect(try bench.run("deep", 0) == 0 &- 14)
  }
}
