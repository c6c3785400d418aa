import BPFCompiler
import Switchyard
import TestSupport
import Testing

/// Objects that come and go leave nothing behind.
@Suite(
  "Loading and unloading",
  .enabled(if: ProgramCompiler.x86() != nil, "there is no compiler for this machine"))
struct UnloadingTests {
  @Test("Thousands of programs are loaded and unloaded without growth")
  func growth() throws {
    let object = try ObjectFile(
      bytes: Fixtures.bytes(ofFile: Fixtures.path("objects/wired-chain.bpf.o")), name: "chain")
    let region = try #require(CodeRegion(byteCount: 1 << 16))
    let runtime = Runtime(
      compiler: ProgramCompiler(region: region, processor: ProcessorFeatures.current))
    let free = region.freeByteCount
    // A chain has two programs: ten times what fits into the region.
    for round in 0..<1500 {
      let collection = try Collection(loading: object, into: runtime)
      #expect(collection.programs.count == 2)
      let cpu = try runtime.makeCPU()
      let context = try PacketContext(type: .xdp)
      if round % 100 == 0 {
        _ = try cpu.run(collection.program("first").program, in: context)
        #expect(region.freeByteCount < free)
      }
    }
    #expect(region.freeByteCount == free)
    #expect(runtime.program(id: 1) == nil)
  }
}
