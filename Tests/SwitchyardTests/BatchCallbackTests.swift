import Switchyard
import TestSupport
import Testing

/// Batches of packets, with programs that call back into themselves.
@Suite("Batches and callbacks")
struct BatchCallbackTests {
  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.compiled, .interpreter]

  /// Adds up bytes of the packet in a loop's callback, and the values of a map in another one, a
  /// subprogram of which counts.
  private static let sums = """
    r6 = r1
    r2 = *(u32 *)(r1 +0)
    r3 = *(u32 *)(r1 +4)
    r4 = r2
    r4 += 14
    r0 = 0
    if r4 > r3 goto out
    r1 = *(u8 *)(r2 +1)
    r3 = *(u8 *)(r2 +2)
    *(u64 *)(r10 -8) = 0
    *(u64 *)(r10 -16) = r3
    r2 = function[each]
    r3 = r10
    r3 += -16
    r4 = 0
    call 181
    r7 = r0
    r1 = map[values]
    r2 = function[element]
    r3 = r10
    r3 += -16
    r4 = 0
    call 164
    r0 *= 1000
    r0 += r7
    r1 = *(u64 *)(r10 -8)
    r0 += r1
    out: exit
    each:
    r3 = *(u64 *)(r2 +0)
    r4 = *(u64 *)(r2 +8)
    r4 += r3
    *(u64 *)(r2 +8) = r4
    r0 = 0
    if r1 < 9 goto goon
    r0 = 1
    goon: exit
    element:
    r1 = *(u64 *)(r3 +0)
    r2 = r4
    call count
    r0 = 0
    exit
    count:
    r3 = *(u64 *)(r2 +8)
    r3 += r1
    *(u64 *)(r2 +8) = r3
    r0 = 0
    exit
    """

  private func packets(_ count: Int) -> [[UInt8]] {
    (0..<count).map { number in
      [0, UInt8(number % 17), UInt8(number % 101)] + [UInt8](repeating: 0, count: 20)
    }
  }

  @Test("every packet has its own result", arguments: engines)
  func results(engine: Runtime.Engine) throws {
    let runtime = Runtime()
    let values = try runtime.makeMap(
      MapDefinition(type: .array, keySize: 4, valueSize: 8, maxEntries: 3))
    for index in 0..<UInt32(3) { try values.update(littleEndian(index), bytes(UInt64(index + 5))) }
    let assembled = try Assembler().assemble(Self.sums)
    let program = try unsafe runtime.loadUnverified(
      ProgramSource(
        name: "sums", type: .xdp, instructions: assembled.instructions,
        maps: assembled.references.mapValues { _ in .init(values) }),
      engine: engine)
    let cpu = try runtime.makeCPU()
    let batch = try PacketBatch(type: .xdp, capacity: 150)
    let packets = packets(150)
    for packet in packets { try batch.append(packet) }
    for mode in [CPU.Mode.checked, .unchecked] {
      try cpu.run(program, over: batch, mode: mode)
      #expect(batch.finishedCount == packets.count)
      for (index, packet) in packets.enumerated() {
        let turns = min(UInt64(packet[1]), 10)
        let expected = 3000 + turns + turns * UInt64(packet[2]) + 18
        #expect(batch.returnValue(at: index) == expected, "\(index)")
      }
    }
  }

  /// Calls helper 7, or what the packet's second byte says, from a callback within a callback.
  private static func faulty(_ call: String) -> String {
    """
    *(u64 *)(r10 -8) = r1
    \(call)
    r0 = 5
    exit
    each:
    r1 = 2
    r3 = r2
    r2 = function[inner]
    r4 = 0
    call 181
    r0 = 0
    exit
    element:
    r2 = r4
    call each
    exit
    inner:
    r3 = *(u64 *)(r2 +0)
    r4 = *(u32 *)(r3 +0)
    r6 = *(u8 *)(r4 +1)
    callx r6
    r0 = 0
    exit
    """
  }

  private static let calls = [
    "r1 = 3\nr2 = function[each]\nr3 = r10\nr3 += -8\nr4 = 0\ncall 181",
    "r1 = map[values]\nr2 = function[element]\nr3 = r10\nr3 += -8\nr4 = 0\ncall 164",
  ]

  @Test(
    "a fault in a callback ends the batch at its packet", arguments: engines, calls)
  func fault(engine: Runtime.Engine, call: String) throws {
    let runtime = Runtime()
    let values = try runtime.makeMap(
      MapDefinition(type: .array, keySize: 4, valueSize: 8, maxEntries: 3))
    let assembled = try Assembler().assemble(Self.faulty(call))
    let program = try unsafe runtime.loadUnverified(
      ProgramSource(
        name: "faulty", type: .xdp, instructions: assembled.instructions,
        maps: assembled.references.mapValues { _ in .init(values) }),
      engine: engine)
    let cpu = try runtime.makeCPU()
    let batch = try PacketBatch(type: .xdp, capacity: 100)
    for number in 0..<100 {
      try batch.append([0, number == 70 ? 99 : 7] + [UInt8](repeating: 0, count: 20))
    }
    for _ in 0..<3 {
      let fault = #expect(throws: Fault.self) { try cpu.run(program, over: batch) }
      #expect(fault?.kind == .invalidCallTarget(99))
      #expect(fault?.program == "faulty")
      #expect(batch.finishedCount == 70)
      #expect(batch.results.allSatisfy { $0.returnValue == 5 })
      // The stack is as it was: single runs go on.
      #expect(try cpu.run(program, in: batch[0]).returnValue == 5)
      #expect(throws: Fault.self) { try cpu.run(program, in: batch[70]) }
    }
  }
}
