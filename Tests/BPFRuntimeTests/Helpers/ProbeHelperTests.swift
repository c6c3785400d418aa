import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

@Suite("Probing memory")
struct ProbeHelperTests {
  /// Probes sixteen bytes into the stack; returns r0 and the first eight of them.
  private func probe(
    _ helper: Int, _ address: String, size: Int = 16, _ prepare: (CPU) -> Void = { _ in }
  ) throws -> (result: Int64, bytes: UInt64) {
    let call = """
      r1 = 0x1111111111111111 ll
      *(u64 *)(r10 -16) = r1
      *(u64 *)(r10 -8) = r1
      r2 = 0x6f6c6c6568 ll
      *(u64 *)(r10 -32) = r2
      *(u64 *)(r10 -24) = r2
      r1 = r10
      r1 += -16
      r2 = \(size)
      \(address)
      call \(helper)
      """
    var values: [UInt64] = []
    for end in ["", "r0 = *(u64 *)(r10 -16)"] {
      let runtime = Runtime()
      let program = try runtime.load(
        ProgramSource(assembly: "\(call)\n\(end)\nexit"))
      let cpu = try runtime.makeCPU()
      prepare(cpu)
      values.append(try cpu.run(program, in: MemoryContext([7])).returnValue)
    }
    return (Int64(bitPattern: values[0]), values[1])
  }

  @Test(
    "memory of the host cannot be probed, and the target is zeroed",
    arguments: [4, 45, 112, 113, 114, 115, 148])
  func hostMemory(helper: Int) throws {
    var secret: [UInt64] = [0x5ec7e7, 0x5ec7e7, 0x5ec7e7]
    let address = secret.withUnsafeMutableBytes { UInt(bitPattern: $0.baseAddress) }
    for number in [UInt64(address), 0, 8, 0xffff_8880_0000_0000, .max, .max - 7] {
      let (result, bytes) = try probe(helper, "r3 = \(number) ll")
      #expect(result == -14 || result == -34, "\(number)")
      #expect(bytes == 0, "\(number)")
    }
    #expect(secret[0] == 0x5ec7e7)
  }

  @Test("ERANGE is for addresses that no kernel memory has")
  func ranges() throws {
    #expect(try probe(113, "r3 = 0").result == -34)
    #expect(try probe(113, "r3 = 0x7fff00000000 ll").result == -34)
    #expect(try probe(113, "r3 = 0xffff888000000000 ll").result == -14)
    #expect(try probe(112, "r3 = 0").result == -14)
    #expect(try probe(4, "r3 = 0").result == -14)
  }

  @Test("the program's own memory is the kernel's", arguments: [4, 113])
  func ownMemory(helper: Int) throws {
    let own = "r3 = r10\nr3 += -32"
    #expect(try probe(helper, own) == (0, 0x6f_6c6c_6568))
    #expect(try probe(helper, own, size: 0) == (0, 0x1111_1111_1111_1111))
    #expect(try probe(112, own).result == -14)
  }

  @Test("text is read to its end, and cut where the memory ends")
  func text() throws {
    let own = "r3 = r10\nr3 += -32"
    #expect(try probe(115, own) == (6, 0x1111_006f_6c6c_6568))
    #expect(try probe(115, own, size: 3) == (3, 0x1111_1111_1100_6568))
    #expect(try probe(45, own).result == 6)
  }

  @Test("what a hook declares can be probed where it declares it")
  func declared() throws {
    let kernel: UInt64 = 0xffff_8880_0000_1000
    let declare: (CPU) -> Void = { cpu in
      cpu.environment.memory.add(DeclaredMemory(at: kernel, bytes: [UInt8](1...16)))
      cpu.environment.memory.add(DeclaredMemory(at: 0x1000, bytes: [9, 0, 7, 7]), to: .user)
      cpu.environment.memory.reader = { address, count, space in
        space == .user && address == 0x2000 ? [UInt8](repeating: 5, count: count) : []
      }
    }
    #expect(try probe(113, "r3 = \(kernel) ll", declare) == (0, 0x0807_0605_0403_0201))
    #expect(try probe(113, "r3 = \(kernel + 1) ll", declare) == (-14, 0))
    #expect(try probe(112, "r3 = 0x1000", size: 4, declare).result == 0)
    #expect(try probe(112, "r3 = 0x1000", size: 5, declare).result == -14)
    #expect(try probe(114, "r3 = 0x1000", declare).result == 2)
    #expect(try probe(112, "r3 = 0x2000", declare) == (0, 0x0505_0505_0505_0505))
    #expect(try probe(113, "r3 = 0x2000", declare).result == -34)
  }
}

@Suite("Who runs a program, and what it asks for")
struct IdentityHelperTests {
  private func run(_ text: String, _ prepare: (CPU) -> Void) throws -> UInt64 {
    let runtime = Runtime()
    let program = try runtime.load(
      ProgramSource(
        name: "p", type: #require(.linux(number: 2)),
        instructions: try Assembler().assemble(text).instructions))
    let cpu = try runtime.makeCPU()
    prepare(cpu)
    return try cpu.run(program, in: Context(layout: program.type.context)).returnValue
  }

  @Test("a declared process is seen instead of the host's")
  func process() throws {
    let declare: (CPU) -> Void = {
      $0.environment.process = .declared(
        ProcessIdentity(process: 7, thread: 8, user: 9, group: 10, command: "abc", taskAddress: 11))
    }
    #expect(try run("call 14\nexit", declare) == 7 << 32 | 8)
    #expect(try run("call 15\nexit", declare) == 10 << 32 | 9)
    #expect(try run("call 35\nexit", declare) == 11)
    let name = "r1 = r10\nr1 += -8\nr2 = 8\ncall 16\nr0 = *(u64 *)(r10 -8)\nexit"
    #expect(try run(name, declare) == 0x63_6261)
  }

  @Test("signals go to the handler and nowhere else")
  func signals() throws {
    #expect(try run("r1 = 9\ncall 109\nexit", { _ in }) == UInt64(bitPattern: -1))
    #expect(try run("r1 = 65\ncall 109\nexit", { _ in }) == UInt64(bitPattern: -22))
    var sent: [Signal] = []
    let handle: (CPU) -> Void = {
      $0.environment.signalHandler = {
        sent.append($0)
        return nil
      }
    }
    #expect(try run("r1 = 9\ncall 109\nr1 = 10\ncall 117\nexit", handle) == 0)
    #expect(sent.map(\.number) == [9, 10])
    #expect(sent.map(\.isForThread) == [false, true])
  }

  @Test("what the hook says about itself")
  func hook() throws {
    let declare: (CPU) -> Void = {
      $0.environment.hook = HookIdentity(cookie: 5, functionAddress: 0x1234)
    }
    #expect(try run("call 174\nexit", declare) == 5)
    #expect(try run("call 173\nexit", declare) == 0x1234)
    #expect(try run("call 174\nexit", { _ in }) == 0)
  }
}
