import BPFRuntime
import TestSupport
import Testing

@Suite("Maps of maps")
struct MapOfMapsTests {
  private let runtime = Runtime(possibleCPUs: 2)

  private func make(_ shape: MapShape, template: MapHandle? = nil) throws -> MapHandle {
    try runtime.makeMap(MapDefinition(shape), template: template)
  }

  private func errno(_ body: () throws -> Void) -> Int32? {
    do {
      try body()
      return nil
    } catch {
      return (error as? LinuxError)?.rawValue ?? -1
    }
  }

  @Test("a template has to be there, and of a kind that can be inside", arguments: [12, 13])
  func templates(type: UInt32) throws {
    let shape = MapShape(type, value: 4)
    #expect(errno { _ = try make(shape) } == 9)
    let array = try make(MapShape(2))
    let outer = try make(shape, template: array)
    #expect(errno { _ = try make(shape, template: outer) } == 22)
    #expect(errno { _ = try make(shape, template: try make(MapShape(3, value: 4))) } == 524)
    #expect(errno { _ = try make(MapShape(type), template: array) } == 22)
  }

  @Test("inner maps have to be like the template", arguments: [12, 13])
  func likeness(type: UInt32) throws {
    let array = try make(MapShape(2))
    let outer = try make(MapShape(type, value: 4), template: array)
    let key = bytes(UInt32(0))
    for (shape, expected) in [
      (MapShape(2), nil), (MapShape(2, entries: 5), 22), (MapShape(2, value: 4), 22),
      (MapShape(1), 22), (MapShape(2, flags: 128), 22),
    ] as [(MapShape, Int32?)] {
      let inner = try make(shape)
      #expect(errno { try outer.setMap(inner, forKey: key) } == expected, "\(shape)")
      #expect(errno { try outer.update(key, bytes(inner.id)) } == expected, "\(shape)")
    }
    // Arrays of any length fit where the template says so.
    let open = try make(MapShape(2, flags: 1 << 12))
    let outerOpen = try make(MapShape(type, value: 4), template: open)
    let longer = try make(MapShape(2, entries: 9, flags: 1 << 12))
    #expect(errno { try outerOpen.setMap(longer, forKey: key) } == nil)
    // A hash may be of any capacity.
    let outerHash = try make(MapShape(type, value: 4), template: try make(MapShape(1)))
    #expect(errno { try outerHash.setMap(try make(MapShape(1, entries: 99)), forKey: key) } == nil)
    let foreign = try Runtime().makeMap(MapDefinition(MapShape(2)))
    #expect(errno { try outer.setMap(foreign, forKey: key) } == 22)
    #expect(errno { try outer.update(key, bytes(UInt32(99999))) } == 9)
  }

  @Test("slots are filled, read and emptied as Linux does it")
  func operations() throws {
    let inner = try make(MapShape(2))
    let array = try make(MapShape(12, value: 4), template: inner)
    let (zero, four) = (bytes(UInt32(0)), bytes(UInt32(4)))
    #expect(errno { _ = try array.lookup(zero) } == 2)
    #expect(errno { try array.setMap(inner, forKey: zero, flags: .mustNotExist) } == 22)
    #expect(errno { try array.setMap(inner, forKey: zero, flags: .mustExist) } == 22)
    #expect(errno { try array.setMap(inner, forKey: four) } == 7)
    #expect(errno { try array.setMap(inner, forKey: zero) } == nil)
    #expect(try array.lookup(zero) == bytes(inner.id))
    #expect(array.map(forKey: zero)?.id == inner.id)
    #expect(errno { try array.delete(zero) } == nil)
    #expect(errno { try array.delete(zero) } == 2)
    #expect(errno { try array.delete(four) } == 7)
    #expect(errno { _ = try array.lookupAndDelete(zero) } == 524)
    #expect(try array.keys().count == 4)

    let hash = try make(MapShape(13, value: 4, entries: 1), template: inner)
    #expect(errno { try hash.setMap(inner, forKey: four, flags: .mustExist) } == 2)
    #expect(errno { try hash.setMap(inner, forKey: four, flags: .mustNotExist) } == nil)
    #expect(errno { try hash.setMap(inner, forKey: four, flags: .mustNotExist) } == 17)
    #expect(errno { try hash.setMap(inner, forKey: zero) } == 7)
    #expect(try hash.nextKey(after: nil) == four)
    #expect(errno { _ = try hash.lookupAndDelete(four) } == 524)
    #expect(errno { try hash.delete(four) } == nil)
    #expect(errno { try hash.delete(four) } == 2)
  }

  /// Looks key 0 up in the outer map, and adds 1 to the value of key 1 in what it finds.
  private let text = """
    *(u32 *)(r10 -4) = 0
    r1 = map[outer]
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto nothing
    *(u32 *)(r10 -4) = 1
    r1 = r0
    r2 = r10
    r2 += -4
    call map_lookup_elem
    if r0 == 0 goto nothing
    r1 = *(u64 *)(r0 +0)
    r1 += 1
    *(u64 *)(r0 +0) = r1
    r0 = r1
    nothing: exit
    """

  @Test(
    "a program reaches the values of the map that is inside now", arguments: [12, 13],
    [(2 as UInt32, 0 as UInt32), (1, 0), (9, 0), (6, 0)])
  func fromPrograms(type: UInt32, inner: (type: UInt32, flags: UInt32)) throws {
    let shape = MapShape(inner.type, flags: inner.flags)
    let (first, second) = (try make(shape), try make(shape))
    let outer = try make(MapShape(type, value: 4), template: first)
    let (zero, one) = (bytes(UInt32(0)), bytes(UInt32(1)))
    let source = try ProgramSource(assembly: text, maps: ["outer": outer])
    let program = try runtime.load(source)
    let cpu = try runtime.makeCPU()
    let copies = first.valueByteCount / 8
    #expect(try cpu.run(program, in: MemoryContext([0])).returnValue == 0)
    for (number, map) in [(10, first), (20, second)] {
      let value = Array(repeatElement(bytes(UInt64(number)), count: copies).joined())
      try map.update(one, value)
      try outer.setMap(map, forKey: zero)
      #expect(try cpu.run(program, in: MemoryContext([0])).returnValue == UInt64(number + 1))
    }
    try outer.delete(zero)
    #expect(try cpu.run(program, in: MemoryContext([0])).returnValue == 0)
    #expect(try first.lookup(one).prefix(8) == bytes(UInt64(11))[...])
  }

  @Test("what is not in the map of maps is no map for a checked run")
  func strangers() throws {
    let inner = try make(MapShape(2))
    let outer = try make(MapShape(12, value: 4), template: inner)
    // Adds 64 to the address of the inner map.
    let forged = text.replacing("r1 = r0\n", with: "r1 = r0\nr1 += 64\n")
    try outer.setMap(inner, forKey: bytes(UInt32(0)))
    let program = try runtime.load(ProgramSource(assembly: forged, maps: ["outer": outer]))
    let cpu = try runtime.makeCPU()
    #expect(throws: Fault.self) { try cpu.run(program, in: MemoryContext([0])) }
  }
}
