import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

@Suite("Packet helpers")
struct PacketHelperTests {
  /// A call on the bytes 1 to 60 with what it returns and how long the packet is afterwards.
  struct Case: CustomTestStringConvertible, Sendable {
    var type: UInt32
    var helper: String
    /// r2 to r5; "stack" is the address of 64 bytes.
    var arguments: [String]
    var result: Int64
    var byteCount = 60

    var testDescription: String { "\(helper)(\(arguments.joined(separator: ", ")))" }
  }

  static let cases: [Case] = [
    Case(type: 6, helper: "xdp_adjust_head", arguments: ["14"], result: 0, byteCount: 46),
    Case(type: 6, helper: "xdp_adjust_head", arguments: ["47"], result: -22),
    Case(type: 6, helper: "xdp_adjust_head", arguments: ["-216"], result: 0, byteCount: 276),
    Case(type: 6, helper: "xdp_adjust_head", arguments: ["-217"], result: -22),
    Case(type: 6, helper: "xdp_adjust_meta", arguments: ["-8"], result: 0),
    Case(type: 6, helper: "xdp_adjust_meta", arguments: ["-6"], result: -13),
    Case(type: 6, helper: "xdp_adjust_meta", arguments: ["4"], result: -22),
    Case(type: 6, helper: "xdp_adjust_meta", arguments: ["-220"], result: -22),
    Case(type: 6, helper: "xdp_adjust_tail", arguments: ["3460"], result: 0, byteCount: 3520),
    Case(type: 6, helper: "xdp_adjust_tail", arguments: ["3461"], result: -22),
    Case(type: 6, helper: "xdp_adjust_tail", arguments: ["-46"], result: 0, byteCount: 14),
    Case(type: 6, helper: "xdp_adjust_tail", arguments: ["-47"], result: -22),
    Case(type: 6, helper: "xdp_get_buff_len", arguments: [], result: 60),
    Case(type: 6, helper: "xdp_load_bytes", arguments: ["0", "stack", "60"], result: 0),
    Case(type: 6, helper: "xdp_load_bytes", arguments: ["0", "stack", "61"], result: -22),
    Case(type: 6, helper: "xdp_store_bytes", arguments: ["65536", "stack", "1"], result: -14),
    Case(
      type: 1, helper: "skb_load_bytes", arguments: ["0", "stack", "46"], result: 0, byteCount: 46),
    Case(
      type: 1, helper: "skb_load_bytes", arguments: ["0", "stack", "47"], result: -14, byteCount: 46
    ),
    Case(
      type: 1, helper: "skb_load_bytes_relative", arguments: ["0", "stack", "60", "0"], result: 0,
      byteCount: 46),
    Case(
      type: 1, helper: "skb_load_bytes_relative", arguments: ["0", "stack", "4", "2"],
      result: -14, byteCount: 46),
    Case(type: 3, helper: "skb_store_bytes", arguments: ["0", "stack", "8", "4"], result: -22),
    Case(type: 3, helper: "skb_store_bytes", arguments: ["59", "stack", "2", "0"], result: -14),
    Case(type: 3, helper: "skb_pull_data", arguments: ["60"], result: 0),
    Case(type: 3, helper: "skb_pull_data", arguments: ["61"], result: -12),
    Case(type: 3, helper: "skb_change_tail", arguments: ["100", "0"], result: 0, byteCount: 100),
    Case(type: 3, helper: "skb_change_tail", arguments: ["13", "0"], result: -22),
    Case(type: 3, helper: "skb_change_tail", arguments: ["16065", "0"], result: -22),
    Case(type: 3, helper: "skb_change_head", arguments: ["14", "0"], result: 0, byteCount: 74),
    Case(type: 3, helper: "skb_change_head", arguments: ["14", "1"], result: -22),
    Case(type: 3, helper: "skb_change_type", arguments: ["4"], result: -22),
    Case(type: 3, helper: "l3_csum_replace", arguments: ["24", "0", "7", "0"], result: 0),
    Case(type: 3, helper: "l3_csum_replace", arguments: ["25", "0", "7", "0"], result: -14),
    Case(type: 3, helper: "l3_csum_replace", arguments: ["24", "0", "7", "3"], result: -22),
    Case(type: 3, helper: "l4_csum_replace", arguments: ["24", "1", "7", "0"], result: -22),
    Case(type: 3, helper: "csum_update", arguments: ["1"], result: -524),
    Case(type: 3, helper: "csum_level", arguments: ["0"], result: -13),
    Case(type: 3, helper: "get_route_realm", arguments: [], result: 0),
  ]

  static func program(_ helper: String, _ arguments: [String]) throws -> [Instruction] {
    let loads = arguments.enumerated().map { index, value in
      value == "stack"
        ? "r\(index + 2) = r10\nr\(index + 2) += -64" : "r\(index + 2) = \(value)"
    }
    return try Assembler(helperNumber: { HelperNames.number(of: $0) }).assemble(
      "\(loads.joined(separator: "\n"))\ncall \(helper)\nexit"
    ).instructions
  }

  @Test("results", arguments: cases)
  func result(_ example: Case) throws {
    let type = try #require(ProgramType.linux(number: example.type))
    let runtime = Runtime()
    let program = try runtime.load(
      ProgramSource(
        name: "helper", type: type,
        instructions: Self.program(example.helper, example.arguments)))
    let context = try PacketContext(type: type)
    try context.load([UInt8](1...60))
    let result = try runtime.makeCPU().run(program, in: context)
    #expect(Int64(bitPattern: result.returnValue) == example.result)
    #expect(context.packet.count == example.byteCount)
  }

  @Test("no argument brings the host down", arguments: [UInt32(1), 3, 6])
  func hostileArguments(number: UInt32) throws {
    let type = try #require(ProgramType.linux(number: number))
    let runtime = Runtime()
    let cpu = try runtime.makeCPU()
    let context = try PacketContext(type: type)
    var generator = Numbers(state: UInt64(number))
    let edges = [
      "0", "1", "-1", "14", "60", "64", "65535", "65536", "2147483647", "-2147483648", "stack",
      "0x7fffffffffffffff ll", "0x8000000000000000 ll", "0xffffffff ll", "0x100000001 ll",
    ]
    for helper in type.helpers.values.sorted(by: { $0.number < $1.number }) {
      // Maps are the business of other tests.
      guard helper.arguments.first != .map else { continue }
      for _ in 0..<200 {
        let arguments = helper.arguments.dropFirst().map { _ in
          edges.randomElement(using: &generator) ?? "0"
        }
        let program = try runtime.load(
          ProgramSource(
            name: "hostile", type: type, instructions: Self.program(helper.name, arguments)))
        try context.load([UInt8](1...60))
        // A fault is as good as an error: both leave a packet that can be read.
        _ = try? cpu.run(program, in: context)
        #expect(context.packet.count <= 20000)
        #expect(context.output.count >= context.packet.count)
      }
    }
  }

  private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }
}
