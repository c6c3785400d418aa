import BPFRuntime
import Synchronization
import TestSupport
import Testing

@Suite("Ring buffers")
struct RingBufferTests {
  private let runtime = Runtime(possibleCPUs: 4)

  private func ring(_ byteCount: UInt32 = 4096) throws -> MapHandle {
    try runtime.makeMap(
      MapDefinition(
        name: "ring", type: .ringBuffer, keySize: 0, valueSize: 0, maxEntries: byteCount))
  }

  private func program(_ ring: MapHandle, _ text: String) throws -> Program {
    try runtime.load(ProgramSource(assembly: text, maps: ["ring": ring]))
  }

  /// Writes the CPU's number and a count from the context into a record.
  private func producer(_ ring: MapHandle) throws -> Program {
    try program(
      ring,
      """
      r6 = *(u64 *)(r1 +0)
      call 8
      *(u64 *)(r10 -16) = r0
      *(u64 *)(r10 -8) = r6
      r1 = map[ring]
      r2 = r10
      r2 += -16
      r3 = 16
      r4 = 0
      call 130
      exit
      """)
  }

  /// The same through a reservation, discarding every third one.
  private func holder(_ ring: MapHandle) throws -> Program {
    try program(
      ring,
      """
      r6 = *(u64 *)(r1 +0)
      r1 = map[ring]
      r2 = 16
      r3 = 0
      call 131
      if r0 == 0 goto full
      r7 = r0
      call 8
      *(u64 *)(r7 +0) = r0
      *(u64 *)(r7 +8) = r6
      r1 = r7
      r2 = 0
      r6 %= 3
      if r6 == 2 goto discard
      call 132
      r0 = 0
      exit
      discard: call 133
      r0 = 0
      exit
      full: r0 = 1
      exit
      """)
  }

  private func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  @Test("records that wrap around the end are in one piece")
  func wrapping() throws {
    let ring = try ring()
    let reader = try RingBufferReader(ring)
    let program = try producer(ring)
    let cpu = try runtime.makeCPU(index: 2)
    // 24 bytes with the header: 4096 is no multiple of it.
    for number in 0..<1000 as Range<UInt64> {
      #expect(try cpu.run(program, in: MemoryContext(bytes(number))).returnValue == 0)
      var records: [[UInt8]] = []
      #expect(reader.consume { records.append($0.withUnsafeBytes { Array($0) }) } == 1)
      #expect(records == [bytes(UInt64(2)) + bytes(number)])
    }
    #expect(ring.ringBufferState?.producerPosition == 24000)
    #expect(ring.ringBufferState?.consumerPosition == 24000)
    #expect(ring.ringBufferState?.dropped == 0)
  }

  @Test("a full ring refuses, and counts what it refused")
  func full() throws {
    let ring = try ring()
    let program = try producer(ring)
    let cpu = try runtime.makeCPU()
    var refused = 0
    for _ in 0..<200 {
      let result = try cpu.run(program, in: MemoryContext(bytes(UInt64(1)))).returnValue
      if result == LinuxError.tryAgain.helperResult { refused += 1 }
    }
    // 4095 bytes hold 170 records of 24.
    #expect(refused == 30)
    #expect(ring.ringBufferState?.dropped == 30)
    #expect(ring.ringBufferState?.availableByteCount == 170 * 24)
  }

  @Test("a ring has one reader")
  func oneReader() throws {
    let ring = try ring()
    var reader: RingBufferReader? = try RingBufferReader(ring)
    #expect(throws: LinuxError.busy) { try RingBufferReader(ring) }
    #expect(reader?.consume { _ in } == 0)
    reader = nil
    _ = try RingBufferReader(ring)
    let array = try runtime.makeMap(MapDefinition(MapShape(2)))
    #expect(throws: LinuxError.invalid) { try RingBufferReader(array) }
  }

  @Test("a reader that is called from its own callback finds nothing")
  func reentrance() throws {
    let ring = try ring()
    let reader = try RingBufferReader(ring)
    let program = try producer(ring)
    _ = try runtime.makeCPU().run(program, in: MemoryContext(bytes(UInt64(1))))
    var inner = -1
    #expect(reader.consume { _ in inner = reader.consume { _ in } } == 1)
    #expect(inner == 0)
  }

  @Test("memory of a reservation can be touched until it is given back")
  func reservation() throws {
    let ring = try ring()
    let cpu = try runtime.makeCPU()
    let reserve = "r1 = map[ring]\nr2 = 8\nr3 = 0\ncall 131\nif r0 == 0 goto end\nr6 = r0\n"
    let cases: [(String, Bool)] = [
      ("*(u64 *)(r6 +0) = 7\nr1 = r6\nr2 = 0\ncall 132\n", true),
      ("*(u64 *)(r6 +1) = 7\nr1 = r6\nr2 = 0\ncall 132\n", false),
      ("r1 = *(u64 *)(r6 -8)\nr1 = r6\nr2 = 0\ncall 132\n", false),
      ("r1 = r6\nr2 = 0\ncall 132\n*(u64 *)(r6 +0) = 7\n", false),
      ("r1 = r6\nr2 = 0\ncall 132\nr1 = r6\nr2 = 0\ncall 133\n", false),
      ("r1 = r6\nr1 += 8\nr2 = 0\ncall 132\n", false),
      ("r1 = r10\nr2 = 0\ncall 132\n", false),
    ]
    for (text, isFine) in cases {
      let program = try program(ring, reserve + text + "end: r0 = 0\nexit")
      if isFine {
        _ = try cpu.run(program, in: MemoryContext([0]))
      } else {
        #expect(throws: Fault.self, "\(text)") { try cpu.run(program, in: MemoryContext([0])) }
      }
    }
    // What a failed run held was discarded, so the ring goes on.
    let reader = try RingBufferReader(ring)
    reader.consume { _ in }
    #expect(ring.ringBufferState?.availableByteCount == 0)
  }

  @Test("a program holds 64 records at most, and what it keeps is discarded")
  func leaks() throws {
    let ring = try ring(8192)
    let text = """
      r6 = 0
      r7 = 0
      again: r1 = map[ring]
      r2 = 8
      r3 = 0
      call 131
      if r0 == 0 goto next
      r7 += 1
      next: r6 += 1
      if r6 != 100 goto again
      r0 = r7
      exit
      """
    let program = try program(ring, text)
    #expect(try runtime.makeCPU().run(program, in: MemoryContext([0])).returnValue == 64)
    let reader = try RingBufferReader(ring)
    #expect(reader.consume { _ in } == 0)
    #expect(ring.ringBufferState?.availableByteCount == 0)
  }

  @Test("a record that is held keeps later ones back")
  func order() throws {
    let ring = try ring()
    let reader = try RingBufferReader(ring)
    let program = try program(
      ring,
      """
      r1 = map[ring]
      r2 = 8
      r3 = 0
      call 131
      if r0 == 0 goto end
      r6 = r0
      *(u64 *)(r10 -8) = 65
      r1 = map[ring]
      r2 = r10
      r2 += -8
      r3 = 8
      r4 = 0
      call 130
      r1 = r10
      r1 += -8
      r2 = 8
      r3 = 0
      r4 = 0
      r5 = 0
      call 6
      r1 = r6
      r2 = 0
      call 133
      end: r0 = 0
      exit
      """)
    let cpu = try runtime.makeCPU()
    var duringRun = -1
    cpu.traceHandler = { _ in duringRun = reader.consume { _ in } }
    _ = try cpu.run(program, in: MemoryContext([0]))
    #expect(duringRun == 0)
    #expect(reader.consume { _ in } == 1)
  }

  @Test(
    "two CPUs produce, one task consumes: nothing is lost, torn or out of order",
    .timeLimit(.minutes(20)))
  func concurrency() async throws {
    let ring = try ring()
    let reader = try RingBufferReader(ring)
    let programs = [try producer(ring), try holder(ring)]
    let count: UInt64 = 20_000
    let received = Task {
      var records: [[UInt8]] = []
      for await record in reader.records { records.append(record) }
      return records
    }
    await withTaskGroup { group in
      for index in 0..<2 {
        let runtime = runtime
        let program = programs[index]
        group.addTask {
          guard let cpu = try? runtime.makeCPU(index: index) else { return }
          for number in 0..<count {
            // A full ring is tried again: the test is about what was accepted.
            while let context = try? MemoryContext(bytes(number)),
              (try? cpu.run(program, in: context).returnValue) != 0
            {
              await Task.yield()
            }
          }
        }
      }
    }
    reader.finish()
    let records = await received.value
    for cpu in 0..<2 as Range<UInt64> {
      let numbers = records.filter { word($0, 0) == cpu }.map { word($0, 8) }
      #expect(numbers == (0..<count).filter { cpu == 0 || $0 % 3 != 2 })
    }
    #expect(records.allSatisfy { $0.count == 16 && word($0, 0) < 2 })
  }
}
