import BPFInstructions
import BPFKernel
import TestSupport
import Testing

@Suite("Helpers against Linux", .serialized)
struct HelperDifferentialTests {
  private func linux(_ call: HelperCall) throws -> UInt32 {
    let code = try Assembler().assemble(call.assembly).instructions
    let program = try KernelProgram(code, KernelProgram.Options(type: 1))
    return try program.testRun(data: [UInt8](repeating: 0, count: 64)).returnValue
  }

  @Test("trace_printk takes the same formats and returns the same lengths", .requiresKernel)
  func formats() throws {
    for (format, arguments) in HelperCalls.formats {
      let call = HelperCalls.tracePrint(format, arguments)
      let expected = try linux(call)
      let result = try call.run().result
      #expect(
        UInt32(truncatingIfNeeded: result) == expected, "\(String(decoding: format, as: UTF8.self))"
      )
    }
  }

  @Test("trace_printk looks for the end of the format in the same way", .requiresKernel)
  func formatSizes() throws {
    for size in [1, 2, 4, 5, 8] {
      let call = HelperCalls.tracePrint(Array("abcd".utf8), [], size: size)
      #expect(try UInt32(truncatingIfNeeded: call.run().result) == linux(call), "\(size)")
    }
  }

  @Test("trace_vprintk takes the same numbers of arguments", .requiresKernel)
  func argumentCounts() throws {
    for (format, count) in [
      ("%d %d", 2), ("%d %d", 3), ("%d %d", 1), ("x", 0), ("%d %d %d %d %d %d %d %d", 12),
      ("x", 13),
    ] {
      let memory = Array(format.utf8) + [UInt8](repeating: 0, count: 32 - format.utf8.count)
      let call = HelperCall(
        177, memory: memory + [UInt8](repeating: 1, count: 13 * 8),
        [.memory(0), .number(32), .memory(32), .number(UInt64(count * 8))])
      #expect(
        try UInt32(truncatingIfNeeded: call.run().result) == linux(call), "\(format) \(count)")
    }
  }

  @Test("strtol and strtoul read the same numbers", .requiresKernel, arguments: [Int32(105), 106])
  func numbers(helper: Int32) throws {
    for (text, flags) in HelperCalls.numbers {
      for word in [nil, 0] {
        let call = HelperCalls.parse(helper, text, flags, resultWord: word)
        let expected = try linux(call)
        #expect(
          try UInt32(truncatingIfNeeded: call.run().result) == expected,
          "\(text) with \(flags), result \(word == 0)")
      }
    }
  }
}
