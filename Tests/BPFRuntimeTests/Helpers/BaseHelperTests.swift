import BPFRuntime
import TestSupport
import Testing

@Suite("Helpers that every kind of program may call")
struct BaseHelperTests {
  private func result(_ text: String, possibleCPUs: Int = 1, _ prepare: (CPU) -> Void) throws
    -> UInt64
  {
    let runtime = Runtime(possibleCPUs: possibleCPUs)
    let program = try runtime.load(ProgramSource(assembly: text))
    let cpu = try runtime.makeCPU(index: possibleCPUs - 1)
    prepare(cpu)
    return try cpu.run(program, in: MemoryContext([0])).returnValue
  }

  @Test("numbers and names are Linux's")
  func names() {
    for helper in Helper.base {
      #expect(HelperNames.name(of: helper.number) == helper.name)
    }
    #expect(Set(Helper.base.map(\.number)).count == Helper.base.count)
    #expect(
      Set(Helper.base.filter(\.isGPLOnly).map(\.number))
        == [
          4, 6, 22, 25, 27, 35, 45, 55, 67, 112, 113, 114, 115, 158, 165, 169, 170, 171, 172, 177,
        ])
  }

  @Test("a clock that stands still shows the same time everywhere", arguments: [5, 125, 160, 208])
  func fixedClock(helper: Int) throws {
    let time = try result("call \(helper)\nexit") { $0.clock = .fixed(123_456_789_012) }
    #expect(time == 123_456_789_012)
  }

  @Test("jiffies are ticks of four milliseconds")
  func jiffies() throws {
    #expect(try result("call jiffies64\nexit") { $0.clock = .fixed(4_000_000_000) } == 1000)
  }

  @Test("the system's clocks go on", arguments: [5, 125, 160, 208])
  func realClock(helper: Int) throws {
    let text = """
      call \(helper)
      r6 = r0
      call \(helper)
      if r0 s< r6 goto back
      r0 = r6
      exit
      back: r0 = 0
      exit
      """
    #expect(try result(text) { _ in } > 1_000_000)
  }

  @Test("random numbers have 32 bits and follow from the seed")
  func random() throws {
    let text = "call get_prandom_u32\nr6 = r0\ncall get_prandom_u32\nr6 <<= 32\nr0 |= r6\nexit"
    let first = try result(text) { $0.seed = 1 }
    #expect(try result(text) { $0.seed = 1 } == first)
    #expect(try result(text) { $0.seed = 2 } != first)
    #expect(first >> 32 != first & 0xffff_ffff)
    #expect(try result("call get_prandom_u32\nr0 >>= 32\nexit") { _ in } == 0)
  }

  @Test("a program knows its CPU, its node and its process")
  func identity() throws {
    #expect(try result("call get_smp_processor_id\nexit", possibleCPUs: 3) { _ in } == 2)
    #expect(try result("call get_numa_node_id\nexit") { _ in } == 0)
    let ids = try result("call get_current_pid_tgid\nexit") { _ in }
    #expect(ids >> 32 > 0)
    #expect(ids & 0xffff_ffff > 0)
    let user = try result("call get_current_uid_gid\nexit") { _ in }
    #expect(try result("call get_current_uid_gid\nexit") { _ in } == user)
  }

  @Test("the name of the thread ends with a zero byte, whatever fits")
  func command() throws {
    let whole = HelperCall(
      16, memory: [UInt8](repeating: 0xee, count: 16), [.memory(0), .number(16)], resultWord: 8)
    #expect(try whole.run().result >> 56 == 0)
    let short = HelperCall(
      16, memory: [UInt8](repeating: 0xee, count: 8), [.memory(0), .number(3)], resultWord: 0)
    let word = try short.run().result
    #expect(word >> 16 == 0xeeee_eeee_ee00)
    #expect(word & 0xff != 0xee)
  }

  @Test("strncmp compares up to a zero byte or the size, and survives any address")
  func compare() throws {
    for (first, second, size, expected) in [
      ("abc", "abc", 4, 0), ("abc", "abd", 4, -1), ("abd", "abc", 4, 1), ("abc", "abd", 2, 0),
      ("ab", "abc", 4, -1), ("", "", 1, 0),
    ] {
      func padded(_ text: String) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0, count: 8 - text.utf8.count)
      }
      let call = HelperCall(
        182, memory: padded(first) + padded(second),
        [.memory(0), .number(UInt64(size)), .memory(8)])
      #expect(try Int64(bitPattern: call.run().result) == expected, "\(first) \(second) \(size)")
    }
    let wild = HelperCall(
      182, memory: Array("abcdefgh".utf8), [.memory(0), .number(8), .number(0x1234)])
    #expect(try wild.run().result == 1)
  }

  @Test("a number is read from text, with the bytes it took")
  func numbers() throws {
    for (text, value, count) in [("42 x", 42, 2), (" -7", -7, 3), ("0x1f", 31, 4)] {
      let taken = HelperCalls.parse(105, text, 0, resultWord: nil)
      #expect(try taken.run().result == UInt64(count))
      let read = HelperCalls.parse(105, text, 0, resultWord: 0)
      #expect(try Int64(bitPattern: read.run().result) == Int64(value))
    }
  }
}
