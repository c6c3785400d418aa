import Testing

@testable import BPFRuntime

@Suite("The words of a CPU")
struct CPUWordsTests {
  private typealias Words = RunningCPU.Words

  @Test("the epochs find the announcement at the address of the block")
  func announcement() {
    #expect(unsafe MemoryLayout<Words>.offset(of: \.announcement) == 0)
  }

  @Test("what ends a run in another way is eight bytes in a piece, with nothing else in them")
  func remains() throws {
    let hops = try #require(unsafe MemoryLayout<Words>.offset(of: \.hopsLeft))
    #expect(hops == RunningCPU.remainsOffset)
    #expect(hops.isMultiple(of: 8))
    #expect(unsafe MemoryLayout<Words>.offset(of: \.heldRecordCount) == hops + 4)
    #expect(unsafe MemoryLayout<Words>.offset(of: \.faultCode) == hops + 6)
    #expect(unsafe MemoryLayout<Words>.offset(of: \.filler) == hops + 7)
    #expect(unsafe MemoryLayout<Words>.offset(of: \.context) == hops + 8)
  }

  @Test("what an empty run touches is one line of the cache")
  func line() throws {
    let last = try #require(unsafe MemoryLayout<Words>.offset(of: \.stackTop))
    #expect(last + 8 <= 64)
    #expect(StableMemory.alignment >= 64)
  }
}
