import BPFCompiler
import BPFInstructions
import BPFKernel
import BPFRuntime
import TestSupport
import Testing

@Suite("Programs that get sockets in their contexts")
struct SocketContextTests {
  /// `struct bpf_sk_lookup` of a connection over version 4.
  private static func lookup(protocol number: UInt8, port: UInt16) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 72)
    bytes[8] = 2
    bytes[12] = number
    bytes.replaceSubrange(16..<20, with: [192, 0, 2, 1])
    bytes.replaceSubrange(36..<38, with: [UInt8(port >> 8), UInt8(port & 0xff)])
    bytes.replaceSubrange(40..<44, with: [192, 0, 2, 9])
    bytes.replaceSubrange(60..<62, with: [80, 0])
    return bytes
  }

  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.interpreter, .compiled]

  private func run(
    _ type: ProgramType, _ text: String, _ bytes: [UInt8], _ engine: Runtime.Engine
  ) throws -> (value: UInt32, bytes: [UInt8]) {
    let runtime = Runtime(compiler: engine == .compiled ? .x86() : nil)
    let code = try Assembler().assemble(text).instructions
    let program = try unsafe runtime.loadUnverified(
      ProgramSource(name: "p", type: type, instructions: code), engine: engine)
    let context = try Context(layout: type.context)
    context.bytes = bytes
    let result = try runtime.makeCPU().run(program, in: context)
    return (UInt32(truncatingIfNeeded: result.returnValue), context.bytes)
  }

  @Test("sk_lookup decides by the fields of the connection as Linux does", .requiresKernel)
  func lookups() throws {
    let type = try #require(ProgramType.linux(number: 30))
    for (offset, size) in [
      (8, 32), (12, 32), (16, 32), (16, 8), (19, 8), (36, 32), (36, 16), (40, 32), (60, 32),
      (60, 16), (64, 32), (64, 8),
    ] {
      for (number, port) in [(UInt8(6), UInt16(4000)), (17, 53)] {
        let bytes = Self.lookup(protocol: number, port: port)
        // One bit after the other: there are but two results.
        for bit in stride(from: 0, to: size, by: 3) {
          let text = """
            r0 = *(u\(size) *)(r1 +\(offset))
            r0 >>= \(bit)
            r0 &= 1
            r2 = *(u64 *)(r1 +0)
            if r2 == 0 goto +1
            r0 = 1
            exit
            """
          let code = try Assembler().assemble(text).instructions
          let kernel = try KernelProgram(
            code, KernelProgram.Options(type: 30, expectedAttachType: 36))
          let expected = try kernel.testRun(context: bytes).returnValue
          for engine in Self.engines {
            #expect(
              try run(type, text, bytes, engine).value == expected, "\(engine) \(offset) \(bit)")
          }
        }
      }
    }
  }

  @Test("a socket's address in a context is nobody's to choose", arguments: engines)
  func addresses(engine: Runtime.Engine) throws {
    let type = try #require(ProgramType.linux(number: 18))
    var bytes = [UInt8](repeating: 0, count: 72)
    bytes.replaceSubrange(4..<8, with: [10, 0, 0, 1])
    bytes.replaceSubrange(64..<72, with: [UInt8](repeating: 0x41, count: 8))
    // The address is changed, and the socket, which is all zeros, is read.
    let text = """
      r2 = *(u64 *)(r1 +64)
      r0 = *(u32 *)(r2 +4)
      r3 = 0x0200000a
      *(u32 *)(r1 +4) = r3
      r0 += 1
      exit
      """
    let result = try run(type, text, bytes, engine)
    #expect(result.value == 1)
    #expect(Array(result.bytes[4..<8]) == [10, 0, 0, 2])
    #expect(result.bytes[64...].allSatisfy { $0 == 0 })
  }

  @Test("a context with addresses that lead nowhere cannot be made")
  func foreign() throws {
    for number: UInt32 in [22, 24] {
      let layout = try #require(LinuxContexts.layout(type: number))
      #expect(throws: LinuxError.operationNotSupported) { try Context(layout: layout) }
    }
  }
}
