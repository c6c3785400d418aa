import BPFInstructions
import BPFRuntime
import Foundation
import TestSupport
import Testing

/// Linux's verdicts on every access to a context, as a file of the specification has them.
enum MeasuredAccess {
  static let path =
    (ProcessInfo.processInfo.environment["SWITCHYARD_SPEC"]
      ?? "\(SharedCaptures.packageRoot)/../shared/spec") + "/data/context-access.json"

  static let isThere = FileManager.default.fileExists(atPath: path)

  /// For a type, the accesses that Linux lets pass, as `offset:size`.
  static func permitted(_ type: String) throws -> (reads: Set<String>, writes: Set<String>) {
    let data = try Data(contentsOf: URL(filePath: path))
    let all = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let entry = try #require(all[type] as? [String: Any])
    func keys(_ name: String) throws -> Set<String> {
      if let table = entry[name] as? [String: Any] { return Set(table.keys) }
      return Set(try #require(entry[name] as? [String]))
    }
    return (try keys("read"), try keys("write"))
  }
}

@Suite(
  "Context fields can be accessed exactly as in Linux",
  .enabled(
    if: MeasuredAccess.isThere,
    "needs the measured rights: set SWITCHYARD_SPEC to the folder of the specification"))
struct ContextAccessTests {
  static let types: [ProgramType] = [.socketFilter, .schedCls, .schedAct, .xdp]

  /// The size bits of a load or store's opcode.
  static let sizes: [(byteCount: Int, bits: UInt8)] = [(1, 0x10), (2, 0x08), (4, 0x00), (8, 0x18)]

  static func runs(_ instructions: [Instruction], _ type: ProgramType) throws -> Bool {
    let runtime = Runtime()
    let program = try runtime.load(
      ProgramSource(name: "access", type: type, instructions: instructions))
    let context = try PacketContext(type: type)
    try context.load([UInt8](repeating: 0x11, count: 60))
    do {
      _ = try runtime.makeCPU().run(program, in: context)
      return true
    } catch {
      return false
    }
  }

  @Test("every offset and size, read and written", arguments: types.map(\.number))
  func everyAccess(number: UInt32) throws {
    let type = try #require(ProgramType.linux(number: number))
    let permitted = try MeasuredAccess.permitted(type.name)
    let exit = [Instruction(opcode: 0xb7, destination: .r0), Instruction(opcode: Opcode.exit)]
    for offset in 0..<260 {
      for size in Self.sizes {
        let load = Instruction(
          opcode: 0x61 | size.bits, destination: .r2, source: .r1, offset: Int16(offset))
        let store = Instruction(
          opcode: 0x62 | size.bits, destination: .r1, offset: Int16(offset), immediate: 1)
        let key = "\(offset):\(size.byteCount)"
        #expect(
          try Self.runs([load] + exit, type) == permitted.reads.contains(key), "read \(key)")
        #expect(
          try Self.runs([store] + exit, type) == permitted.writes.contains(key), "write \(key)")
      }
    }
  }
}
