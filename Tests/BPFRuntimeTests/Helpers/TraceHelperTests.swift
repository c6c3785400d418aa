import BPFRuntime
import TestSupport
import Testing

@Suite("Printing from programs")
struct TraceHelperTests {
  private func printed(_ format: String, _ arguments: HelperCall.Argument...) throws -> String {
    let run = try HelperCalls.tracePrint(Array(format.utf8), arguments).run()
    return String(decoding: try #require(run.printed.first), as: UTF8.self)
  }

  @Test("what is printed looks as in C")
  func text() throws {
    let number = HelperCall.Argument.number
    #expect(try printed("a %d b %u\n", number(.max), number(7)) == "a -1 b 7\n")
    #expect(
      try printed("%5d|%-5d|%05d|", number(1), number(2), number(.max)) == "    1|2    |-0001|")
    #expect(
      try printed("%llx %X %lu", number(.max), number(255), number(.max))
        == "ffffffffffffffff FF 18446744073709551615")
    #expect(try printed("%s|%10s|%c", .memory(0), .memory(0), number(65)) == "hello|     hello|A")
    #expect(
      try printed("%pI4 %pi4 %pI6", .memory(0), .memory(0), .memory(0)).hasPrefix(
        "104.101.108.108 104.101.108.108 6865:6c6c:6f00:0000:"))
    #expect(
      try printed("%px %p", number(0xbeef), number(0))
        == "000000000000beef 0000000000000000")
    #expect(try printed("100%%") == "100%")
  }

  @Test("addresses that a program may not read print nothing and harm nobody")
  func unreadable() throws {
    for address in [0, 8, 0x1234, 0xffff_ffff_ffff_fff0, UInt64.max] {
      #expect(try printed("[%s]", .number(address)) == "[]")
      #expect(try printed("[%pI4]", .number(address)) == "[0.0.0.0]")
    }
  }

  @Test("a host's addresses are disguised, but the same address looks the same")
  func disguise() throws {
    let first = try printed("%p", .memory(0))
    #expect(first.count == 16)
    #expect(first.hasPrefix("00000000"))
    let same = try printed("%p=%p", .number(4096), .number(4096)).split(separator: "=")
    #expect(same[0] == same[1])
  }

  @Test("a string is read out of a map's value and ends with it")
  func mapValue() throws {
    let map = try RuntimeMap(MapShape(2, value: 4, entries: 2))
    try map.handle.update(bytes(UInt32(0)), Array("full".utf8))
    try map.handle.update(bytes(UInt32(1)), Array("next".utf8))
    let text = """
      *(u32 *)(r10 -4) = 0
      r1 = map[subject]
      r2 = r10
      r2 += -4
      call map_lookup_elem
      r3 = r0
      *(u32 *)(r10 -8) = \(0x7325)
      r1 = r10
      r1 += -8
      r2 = 3
      call trace_printk
      exit
      """
    let source = try ProgramSource(assembly: text, maps: ["subject": map.handle])
    let cpu = try map.runtime.makeCPU()
    var lines: [[UInt8]] = []
    cpu.traceHandler = { lines.append($0) }
    let result = try cpu.run(map.runtime.load(source), in: MemoryContext([0]))
    #expect(lines == [Array("full".utf8)])
    #expect(result.returnValue == 4)
  }

  @Test("too wide a field is counted, but only what fits is printed")
  func wide() throws {
    let run = try HelperCalls.tracePrint(Array("%2000d".utf8), [.number(1)]).run()
    #expect(run.result == 2000)
    #expect(run.printed.first?.count == 1023)
  }
}
