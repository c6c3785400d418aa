import BPFCompiler
import BPFInstructions
import BPFKernel
import BPFRuntime
import Testing

/// One program on one packet, here and in the kernel.
struct PacketComparison {
  var type: ProgramType
  /// The program, its context in r6, an accumulator of results in r8, and 64 known bytes on the
  /// stack from `r10 -64` on. What it leaves in r8 is the result.
  var body: String
  var metadata = 0
  /// What goes in as a context; `nil` for none.
  var fields: PacketFields?
  /// Whether the kernel is asked for the context afterwards.
  var wantsContext = true

  /// What came out.
  struct Outcome: Hashable {
    var returnValue: UInt32
    var data: [UInt8]
    var context: [UInt8]
  }

  static func assemble(_ body: String) throws -> [Instruction] {
    let fill = (0..<8).map {
      "r1 = \(0x0101_0101 * ($0 + 1)) ll\n*(u64 *)(r10 -\(64 - $0 * 8)) = r1"
    }
    let text = "r6 = r1\nr8 = 0\n\(fill.joined(separator: "\n"))\n\(body)\nr0 = r8\nexit"
    return try Assembler(helperNumber: { HelperNames.number(of: $0) }).assemble(text).instructions
  }

  /// Runs the program on all packets on both sides, and expects the same of both.
  func check(_ packets: [[UInt8]], _ comment: String = "") throws {
    let instructions = try Self.assemble(body)
    let all = try Self.engines.map { ($0, try Ours(self, instructions, $0)) }
    let kernel = try KernelProgram(instructions, KernelProgram.Options(type: type.number))
    for packet in packets {
      let expected = try inKernel(kernel, packet)
      for (engine, ours) in all {
        let actual = try ours.run(self, packet)
        guard actual != expected else { continue }
        if expected == nil, Self.hasShortNetworkHeader(packet) { continue }
        Issue.record(
          """
          \(comment), \(engine), packet of \(packet.count) bytes \(packet.prefix(15)): \
          \(Self.difference(actual, expected))
          \(body)
          """)
        return
      }
    }
  }

  /// Where programs run here: interpreted and checked, and compiled if that is possible.
  private static let engines: [Runtime.Engine] =
    ProgramCompiler.x86() == nil ? [.interpreter] : [.interpreter, .compiled]

  /// Whether Linux refuses to build a socket buffer for a test run, though not for real traffic,
  /// because the IP header is not all there.
  static func hasShortNetworkHeader(_ packet: [UInt8]) -> Bool {
    switch packet.dropFirst(12).prefix(2) {
    case [0x08, 0x00]: packet.count < 14 + 20
    case [0x86, 0xdd]: packet.count < 14 + 40
    default: false
    }
  }

  /// Where two outcomes differ first, in words.
  static func difference(_ actual: Outcome?, _ expected: Outcome?) -> String {
    guard let actual else { return "refused here, not in the kernel" }
    guard let expected else { return "refused in the kernel, not here" }
    if actual.returnValue != expected.returnValue {
      return "returns \(actual.returnValue), in the kernel \(expected.returnValue)"
    }
    func first(_ name: String, _ left: [UInt8], _ right: [UInt8]) -> String? {
      if left.count != right.count { return "\(name): \(left.count) bytes, not \(right.count)" }
      guard let index = left.indices.first(where: { left[$0] != right[$0] }) else { return nil }
      return "\(name): byte \(index) is \(left[index]), not \(right[index])"
    }
    return first("packet", actual.data, expected.data)
      ?? first("context", actual.context, expected.context) ?? "equal"
  }

  /// The runtime's side, made once for all packets.
  struct Ours {
    let program: Program
    let context: PacketContext
    let cpu: CPU

    init(
      _ comparison: PacketComparison, _ instructions: [Instruction], _ engine: Runtime.Engine
    ) throws {
      let runtime = Runtime(compiler: engine == .compiled ? .x86() : nil)
      program = try unsafe runtime.loadUnverified(
        ProgramSource(name: "comparison", type: comparison.type, instructions: instructions),
        engine: engine)
      context = try PacketContext(type: comparison.type)
      if let fields = comparison.fields { context.initialFields = fields }
      cpu = try runtime.makeCPU()
    }

    func run(_ comparison: PacketComparison, _ packet: [UInt8]) throws -> Outcome? {
      do {
        try context.load(packet, metadata: comparison.metadata)
      } catch LinuxError.invalid {
        return nil
      }
      let result = try cpu.run(program, in: context)
      return Outcome(
        returnValue: UInt32(truncatingIfNeeded: result.returnValue), data: context.output,
        context: comparison.wantsContext ? context.linuxContext : [])
    }
  }

  private func inKernel(_ kernel: KernelProgram, _ packet: [UInt8]) throws -> Outcome? {
    do {
      let run = try kernel.testRun(
        data: packet, context: wantsContext ? linuxContext(packet.count) : nil,

        dataCapacity: 70000, contextCapacity: wantsContext ? type.context.byteCount : 0)
      return Outcome(returnValue: run.returnValue, data: run.data, context: run.context)
    } catch KernelErrno.invalid {
      return nil
    }
  }

  private func linuxContext(_ byteCount: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: type.context.byteCount)
    func put(_ offset: Int, _ value: UInt64, size: Int = 4) {
      for index in 0..<size {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
      }
    }
    if type.number == 6 {
      put(0, UInt64(metadata))
      put(4, UInt64(byteCount))
      put(12, UInt64(fields?.ingressInterface ?? 1))
      put(16, UInt64(fields?.receiveQueue ?? 0))
      return bytes
    }
    guard let fields else { return nil }
    put(8, UInt64(fields.mark))
    put(32, UInt64(fields.priority))
    put(36, UInt64(fields.ingressInterface))
    put(40, UInt64(fields.interface))
    for index in 0..<5 { put(48 + index * 4, UInt64(fields.controlBlock[index])) }
    put(152, fields.timestamp, size: 8)
    put(160, UInt64(fields.wireByteCount ?? 0))
    put(164, UInt64(fields.segmentCount))
    put(176, UInt64(fields.segmentByteCount))
    put(184, fields.hardwareTimestamp, size: 8)
    return bytes
  }
}

/// Packets for comparisons.
enum PacketSamples {
  /// Frames of several lengths whose bytes differ from each other, with the kinds of destination
  /// and of type field that Linux tells apart.
  static let frames: [[UInt8]] = {
    var frames: [[UInt8]] = []
    for length in [14, 15, 16, 18, 34, 60, 64, 128, 700, 1514, 3519, 3520] {
      frames.append((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ length) })
    }
    let destinations: [[UInt8]] = [
      [0, 0, 0, 0, 0, 0], [255, 255, 255, 255, 255, 255], [1, 0, 94, 0, 0, 1], [2, 0, 0, 0, 0, 1],
    ]
    let types: [[UInt8]] = [
      [0x08, 0x00], [0x86, 0xdd], [0x81, 0x00], [0x05, 0xff], [0x06, 0x00], [0x00, 0x20],
    ]
    for destination in destinations {
      for type in types {
        frames.append(destination + [2, 0, 0, 0, 0, 9] + type + (0..<50).map { UInt8($0 + 1) })
      }
    }
    frames.append([UInt8](repeating: 0, count: 12) + [0, 0x20, 0xff, 0xff] + [1, 2, 3, 4])
    return frames
  }()
}

/// The same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
