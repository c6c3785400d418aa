import BPFObject
import Testing

/// What each form of map definition gives.
@Suite struct MapDefinitionTests {
  struct Case: CustomTestStringConvertible {
    var object: String
    var map: String
    var type: UInt32
    var sizes: [UInt32]
    var origin: MapSpec.Origin
    var flags: UInt32 = 0
    var pinning: UInt32 = 0
    var extra: UInt64 = 0
    var inner: [UInt32]?
    var slots: [UInt32: MapSpec.SlotValue] = [:]
    var testDescription: String { "\(object): \(map)" }
  }

  /// Sizes are those of key and value, then the number of entries.
  static let cases: [Case] = [
    Case(
      object: "typed_maps", map: "flows", type: 1, sizes: [12, 8, 1024], origin: .btf, flags: 1,
      pinning: 1),
    Case(
      object: "typed_maps", map: "counters", type: 2, sizes: [4, 16, 7], origin: .btf, flags: 4),
    Case(object: "typed_maps", map: "bloom", type: 30, sizes: [0, 4, 100], origin: .btf, extra: 3),
    Case(object: "typed_maps", map: "events", type: 4, sizes: [4, 4, 0], origin: .btf),
    Case(object: "typed_maps", map: "ring", type: 27, sizes: [0, 0, 4096], origin: .btf),
    Case(object: "typed_maps", map: "hidden", type: 6, sizes: [4, 8, 3], origin: .btf),
    Case(
      object: "values", map: "jmp", type: 3, sizes: [4, 4, 4], origin: .btf,
      slots: [
        0: .program("first"), 1: .program("tagged"), 2: .program("third"), 3: .program("second"),
      ]),
    Case(
      object: "values", map: "outer", type: 12, sizes: [4, 4, 3], origin: .btf,
      inner: [2, 4, 8, 1], slots: [0: .map(1), 2: .map(2)]),
    Case(
      object: "values", map: "tables", type: 13, sizes: [8, 4, 8], origin: .btf,
      inner: [1, 4, 4, 2]),
    Case(
      object: "legacy_20", map: "counts", type: 1, sizes: [8, 24, 100], origin: .legacy, flags: 1),
    Case(object: "legacy_20", map: "events", type: 4, sizes: [4, 4, 0], origin: .legacy),
    Case(
      object: "legacy_24", map: "outer", type: 12, sizes: [4, 4, 5], origin: .legacy,
      inner: [1, 8, 24, 100]),
    Case(
      object: "legacy_28", map: "counts", type: 1, sizes: [8, 24, 100], origin: .legacy, flags: 1),
    Case(
      object: "legacy_28", map: "outer", type: 12, sizes: [4, 4, 5], origin: .legacy,
      inner: [1, 8, 24, 100]),
    Case(
      object: "legacy_bare", map: "table", type: 11, sizes: [8, 4, 64], origin: .iproute2,
      flags: 1, pinning: 2),
    Case(
      object: "iproute2", map: "jmp_tc", type: 3, sizes: [4, 4, 3], origin: .iproute2, pinning: 1,
      slots: [0: .program("case_1"), 1: .program("case_2")]),
    Case(
      object: "iproute2", map: "jmp_ex", type: 3, sizes: [4, 4, 1], origin: .iproute2,
      slots: [0: .program("loop")]),
    Case(
      object: "iproute2", map: "outside", type: 12, sizes: [4, 4, 2], origin: .iproute2,
      pinning: 2, inner: [2, 4, 8, 1], slots: [1: .map(2)]),
    Case(object: "untyped_symbols", map: "table", type: 2, sizes: [4, 8, 16], origin: .legacy),
    Case(object: "untyped_symbols", map: "more", type: 1, sizes: [8, 8, 32], origin: .legacy),
  ]

  @Test(arguments: cases) func `A definition gives the map`(_ expected: Case) throws {
    let map = try #require(ObjectFixtures.object(expected.object).map(named: expected.map))
    #expect(map.type == expected.type)
    #expect([map.keySize, map.valueSize, map.maxEntries] == expected.sizes)
    #expect(map.flags == expected.flags)
    #expect(map.pinning == expected.pinning)
    #expect(map.extra == expected.extra)
    #expect(map.origin == expected.origin)
    #expect(map.initialSlots == expected.slots)
    let inner = map.innerMap.map { [$0.type, $0.keySize, $0.valueSize, $0.maxEntries] }
    #expect(inner == expected.inner)
  }

  struct Data: CustomTestStringConvertible {
    var section: String
    var kernelName: String
    var value: [UInt8]
    var isReadOnly = false
    var testDescription: String { section }
  }

  static let data: [Data] = [
    Data(section: ".data", kernelName: "global_d.data", value: [5, 0, 0, 0, 6, 0, 0, 0]),
    Data(section: ".bss", kernelName: "global_d.bss", value: Array(repeating: 0, count: 80)),
    Data(
      section: ".rodata", kernelName: "global_d.rodata",
      value: [100, 0, 0, 0] + Array("sum %d\0".utf8), isReadOnly: true),
    Data(
      section: ".rodata.config", kernelName: ".rodata.config", value: [1, 2, 3, 4],
      isReadOnly: true),
    Data(
      section: ".rodata.str1.1", kernelName: ".rodata.str1.1", value: Array("needle\0".utf8),
      isReadOnly: true),
    Data(section: ".data.tuned", kernelName: ".data.tuned", value: [9, 0, 0, 0]),
  ]

  @Test(arguments: data) func `Global data becomes an array of one value`(_ expected: Data) throws {
    let map = try #require(ObjectFixtures.object("global_data").map(named: expected.section))
    #expect(map.kernelName == expected.kernelName)
    #expect(map.initialValue == expected.value)
    #expect(map.isReadOnly == expected.isReadOnly)
    #expect([map.type, map.keySize, map.maxEntries] == [2, 4, 1])
    #expect(Int(map.valueSize) == expected.value.count)
  }

  @Test func `A weak configuration value is a zero in a map of its own`() throws {
    let object = try ObjectFixtures.object("externs")
    let program = try #require(object.program(named: "weak_configuration"))
    let index = try #require(object.maps.firstIndex { $0.name == ".kconfig" })
    #expect(program.references.values.contains(.mapValue(map: index, offset: 0)))
    #expect(object.maps[index].initialValue == Array(repeating: 0, count: 8))
  }
}
