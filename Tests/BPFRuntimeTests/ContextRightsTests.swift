import BPFRuntime
import Foundation
import TestSupport
import Testing

@Suite(
  "Every type's context, helpers and values are those that were measured in Linux",
  .enabled(
    if: MeasuredAccess.isThere,
    "needs the measured rights: set SWITCHYARD_SPEC to the folder of the specification"))
struct ContextRightsTests {
  private struct Measured: Decodable {
    var programType: UInt32
    var attachType: UInt32
    var read: [String: String]
    var write: [String: Int]

    enum CodingKeys: String, CodingKey {
      case programType = "prog_type"
      case attachType = "attach_type"
      case read, write
    }
  }

  private struct Helpers: Decodable {
    var allowed: [String: [Int32]]
  }

  private static func decoded<Value: Decodable>(_ file: String, as: Value.Type) throws -> Value {
    let path = MeasuredAccess.path.replacing("context-access.json", with: file)
    return try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(filePath: path)))
  }

  /// As Linux's log has a register that a field was read into.
  private static func word(_ value: ContextField.Value) -> String {
    switch value {
    case .stored: "scalar"
    case .packetStart: "pkt"
    case .packetEnd: "pkt_end"
    case .packetMetadata: "pkt_meta"
    case .flowKeys: "flow_keys"
    case .tracepointBuffer: "tp_buffer"
    case .kernelObject(let name): "trusted_ptr_\(name)"
    case .socket(let kind, let orNull):
      (kind == .common ? "sock_common" : "sock") + (orNull ? "_or_null" : "")
    }
  }

  @Test("every offset and size, read and written, and what a read yields")
  func contexts() throws {
    let all = try Self.decoded("context-access.json", as: [String: Measured].self)
    for (name, measured) in all {
      let type = try #require(
        ProgramType.described(
          number: measured.programType, expectedAttachType: measured.attachType), "\(name)")
      for offset in 0..<260 {
        for size in [1, 2, 4, 8] where offset + size <= 260 {
          let key = "\(offset):\(size)"
          let read = type.context.field(at: offset, size: size, isWrite: false)
          let write = type.context.field(at: offset, size: size, isWrite: true)
          let value = measured.read[key].map { String($0.prefix { $0 != "(" }) }
          #expect(read.map { Self.word($0.value) } == value, "\(name) read \(key)")
          #expect((write != nil) == (measured.write[key] != nil), "\(name) write \(key)")
        }
      }
    }
    #expect(all.count == 40)
  }

  @Test("every helper")
  func helpers() throws {
    let all = try Self.decoded("context-access.json", as: [String: Measured].self)
    for (name, numbers) in try Self.decoded("helpers-by-program-type.json", as: Helpers.self)
      .allowed
    {
      let measured = try #require(all[name])
      let type = try #require(
        ProgramType.described(
          number: measured.programType, expectedAttachType: measured.attachType))
      let here = Set(type.helpers.keys).union(type.missingHelpers).union([12])
      #expect(here == Set(numbers), "\(name): \(here.symmetricDifference(numbers).sorted())")
    }
  }
}
