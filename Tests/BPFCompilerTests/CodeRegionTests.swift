import BPFInstructions
import BPFRuntime
import Foundation
import Testing

@testable import BPFCompiler

@Suite struct FreeRangesTests {
  @Test func whatIsGivenBackIsTakenAgain() {
    var free = FreeRanges(byteCount: 100)
    let ranges = (0..<10).compactMap { _ in free.take(10) }
    let none = free.take(1)
    #expect(ranges.count == 10 && none == nil && free.byteCount == 0)
    for index in [3, 7, 4, 0, 9, 8, 5, 1, 2, 6] { free.give(ranges[index]) }
    #expect(free.ranges == [0..<100])
  }

  @Test func theLowestRoomIsTakenFirst() {
    var free = FreeRanges(byteCount: 100)
    for expected in [0..<20, 20..<40] {
      let taken = free.take(20)
      #expect(taken == expected)
    }
    free.give(0..<20)
    let large = free.take(30)
    #expect(large == 40..<70)
    let small = free.take(10)
    #expect(small == 0..<10)
    #expect(free.ranges == [10..<20, 70..<100])
  }
}

@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct CodeRegionTests {
  private func source(_ text: String) throws -> ProgramSource {
    ProgramSource(
      name: "test", type: .memory, instructions: try Assembler().assemble(text).instructions)
  }

  @Test("Thousands of programs come and go, and the region is as it was")
  func reuse() throws {
    let region = try #require(CodeRegion(byteCount: 1 << 20))
    let runtime = Runtime(compiler: ProgramCompiler(region: region, processor: .current))
    let cpu = try runtime.makeCPU()
    let context = try MemoryContext([])
    let free = region.freeByteCount
    var kept: [Program] = []
    for number in 0..<5000 {
      let body = String(repeating: "r1 += 1\n", count: number % 97)
      let program = try runtime.loadUnverified(source("\(body)r0 = \(number)\nexit"))
      kept.append(program)
      if kept.count > 50 { kept.remove(at: number % 50) }
      let oldest = try cpu.run(program, in: context)
      #expect(oldest.returnValue == UInt64(number))
    }
    #expect(region.freeByteCount < free)
    kept = []
    #expect(region.freeByteCount == free)
  }

  @Test("A full region refuses, and takes programs again when there is room")
  func exhaustion() throws {
    let region = try #require(CodeRegion(byteCount: 1 << 14))
    let runtime = Runtime(compiler: ProgramCompiler(region: region, processor: .current))
    let large = try source(String(repeating: "r1 += 1\n", count: 1000) + "r0 = 0\nexit")
    var programs: [Program] = []
    #expect(throws: LoadError.noMemory) {
      while true { programs.append(try runtime.loadUnverified(large)) }
    }
    #expect(!programs.isEmpty)
    programs.removeLast()
    programs.append(try runtime.loadUnverified(large))
  }

  @Test("No mapping of this process can be written and executed")
  func protection() throws {
    let region = try #require(CodeRegion())
    let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
    let ours = maps.split(separator: "\n").filter { $0.contains("switchyard-code") }
    #expect(ours.count >= 2)
    for line in ours {
      let rights = line.split(separator: " ")[1]
      #expect(!(rights.contains("w") && rights.contains("x")), "\(line)")
    }
    #expect(!region.addresses.isEmpty)
  }

  @Test("The code of a program can be read, and a program of the interpreter has none")
  func machineCode() throws {
    let runtime = Runtime(compiler: .x86())
    let text = "r0 = 7\nexit"
    #expect(
      try runtime.loadUnverified(source(text)).machineCode
        == [0xb8, 7, 0, 0, 0, 0xc3])
    #expect(try runtime.load(source(text)).machineCode == [])
  }
}
