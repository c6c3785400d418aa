import BPFInstructions
import BPFRuntime
import Foundation
import TestSupport
import Testing

@Suite("Linux's program types")
struct ProgramTypeTests {
  /// Those with packets that this suite knows by heart.
  static let types: [UInt32] = [1, 3, 4, 6]
  /// All that can run.
  static let runnable: [UInt32] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 25, 30, 31, 32,
  ]

  @Test("every number has bpftool's name, and some can run")
  func names() {
    #expect(ProgramType.name(ofNumber: 6) == "xdp")
    #expect(ProgramType.name(ofNumber: 32) == "netfilter")
    #expect(ProgramType.name(ofNumber: 33) == nil)
    #expect(ProgramType.name(ofNumber: .max) == nil)
    for number in 0...UInt32(40) {
      let type = ProgramType.linux(number: number)
      #expect((type != nil) == Self.runnable.contains(number))
      guard let type else { continue }
      #expect(type.number == number)
      #expect(type.name == ProgramType.name(ofNumber: number))
    }
  }

  @Test("verdicts have names")
  func verdicts() {
    #expect(ProgramType.xdp.verdictName(2) == "XDP_PASS")
    #expect(ProgramType.schedCls.verdictName(0xffff_ffff) == "TC_ACT_UNSPEC")
    #expect(ProgramType.schedCls.verdictName(2) == "TC_ACT_SHOT")
    #expect(ProgramType.socketFilter.verdictName(60) == "60")
  }

  @Test(
    "each helper is there, missing or not allowed as in Linux",
    .enabled(
      if: MeasuredAccess.isThere,
      "needs the measured helpers: set SWITCHYARD_SPEC to the folder of the specification"),
    arguments: types)
  func helpers(number: UInt32) throws {
    let type = try #require(ProgramType.linux(number: number))
    let path = MeasuredAccess.path.replacing(
      "context-access.json", with: "helpers-by-program-type.json")
    let data = try Data(contentsOf: URL(filePath: path))
    let file = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let table = try #require(file["allowed"] as? [String: [Int]])
    let allowed = Set(try #require(table[type.name]).map { Int32($0) })
    let own = Set(type.helpers.keys)
    // The tail call is an operation of its own.
    #expect(own.union(type.missingHelpers).union([12]) == allowed)
    #expect(own.isDisjoint(with: type.missingHelpers))
  }

  @Test("a helper of another type is refused by name, a missing one too")
  func refused() {
    func load(_ number: Int32, _ type: ProgramType) -> LoadError? {
      let program = [
        Instruction(opcode: Opcode.call, immediate: number), Instruction(opcode: Opcode.exit),
      ]
      do throws(LoadError) {
        _ = try Runtime().load(ProgramSource(name: "p", type: type, instructions: program))
        return nil
      } catch {
        return error
      }
    }
    #expect(
      load(44, .schedCls)
        == .helperNotAllowed(44, name: "xdp_adjust_head", type: "sched_cls", instruction: 0))
    #expect(
      load(136, .xdp) == .missingHelper(136, name: "skc_to_tcp6_sock", instruction: 0))
    #expect(load(100_000, .xdp) == .unknownHelper(100_000, instruction: 0))
    #expect(load(188, .xdp) == nil)
  }
}
