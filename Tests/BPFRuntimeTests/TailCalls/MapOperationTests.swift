import BPFKernel
import BPFRuntime
import TestSupport
import Testing

@Suite("Tail calls: operations on an array of programs")
struct TailCallMapTests {
  /// An array of four slots with a program in slot 1, and a program that tail-calls slot 1.
  static func bench(_ engine: Engine, flags: MapFlags = []) throws -> any Bench {
    let bench = try engine.bench()
    try bench.makeSlots("slots", 4, flags: flags)
    try bench.load("seven", Text.returning(7))
    try bench.load("main", Text.hop(1, missed: 99))
    if !flags.contains(.readOnly) { try bench.store("seven", in: "slots", at: 1) }
    return bench
  }

  static func definition(
    key: UInt32 = 4, value: UInt32 = 4, entries: UInt32 = 1, flags: UInt32 = 0, extra: UInt64 = 0
  ) -> MapDefinition {
    MapDefinition(
      name: "slots", type: .programArray, keySize: key, valueSize: value, maxEntries: entries,
      flags: MapFlags(rawValue: flags), extra: extra)
  }

  @Test(
    "R4.1: keys and values have four bytes, there is at least one slot", arguments: Engine.all,
    [
      (definition(key: 8), LinuxError.invalid), (definition(key: 2), .invalid),
      (definition(key: 0), .invalid), (definition(value: 8), .invalid),
      (definition(value: 2), .invalid), (definition(value: 0), .invalid),
      (definition(entries: 0), .invalid), (definition(entries: .max), .noMemory),
      (definition(), nil), (definition(entries: 1 << 20), nil),
    ] as [(MapDefinition, LinuxError?)])
  func sizes(engine: Engine, shape: (definition: MapDefinition, errno: LinuxError?)) throws {
    let bench = try engine.bench()
    if let errno = shape.errno {
      expectRefusal(errno) { try bench.makeMap("slots", shape.definition) }
    } else {
      try bench.makeMap("slots", shape.definition)
    }
  }

  @Test(
    "R4.2: of the flags only the node and one of the access modes are taken",
    arguments: Engine.all, 0..<13)
  func flags(engine: Engine, bit: UInt32) throws {
    let bench = try engine.bench()
    if [2, 3, 4].contains(bit) {
      try bench.makeMap("slots", Self.definition(flags: 1 << bit))
    } else {
      expectRefusal(.invalid) { try bench.makeMap("slots", Self.definition(flags: 1 << bit)) }
    }
  }

  @Test("R4.2: both access modes, or extra numbers, are refused", arguments: Engine.all)
  func otherFlags(engine: Engine) throws {
    let bench = try engine.bench()
    expectRefusal(.invalid) { try bench.makeMap("slots", Self.definition(flags: 24)) }
    expectRefusal(.invalid) { try bench.makeMap("slots", Self.definition(extra: 1)) }
    try bench.makeMap("slots", Self.definition())
  }

  @Test("R4.3: an array may have a name, or none", arguments: Engine.all)
  func names(engine: Engine) throws {
    let bench = try engine.bench()
    for name in ["jmp_table", ""] {
      var definition = Self.definition()
      definition.name = name
      try bench.makeMap("slots", definition)
    }
  }

  /// One attempt to store: where, with which flags, and what comes out.
  struct Store: Sendable {
    var index: UInt32
    var isProgram = true
    var flags: UInt64 = 0
    var errno: LinuxError?
  }

  @Test(
    "R4.4: flags are looked at before the index, the index before the program",
    arguments: Engine.all,
    [
      Store(index: 0), Store(index: 3), Store(index: 4, errno: .tooBig),
      Store(index: .max, errno: .tooBig), Store(index: 0, flags: 1, errno: .invalid),
      Store(index: 0, flags: 2, errno: .invalid), Store(index: 0, flags: 3, errno: .invalid),
      Store(index: 0, flags: 4, errno: .invalid), Store(index: 0, flags: 5, errno: .invalid),
      Store(index: 0, flags: 7, errno: .invalid), Store(index: 0, flags: 8, errno: .invalid),
      Store(index: 0, flags: 1 << 32, errno: .invalid),
      Store(index: 0, isProgram: false, errno: .badDescriptor),
      Store(index: 4, isProgram: false, errno: .tooBig),
      Store(index: 4, flags: 1, errno: .invalid),
      Store(index: 4, isProgram: false, flags: 4, errno: .invalid),
      Store(index: 0, isProgram: false, flags: 1, errno: .invalid),
    ])
  func storing(engine: Engine, store: Store) throws {
    let bench = try Self.bench(engine)
    let value = store.isProgram ? try bench.slotValue(of: "seven") : littleEndian(0x7fff_0000)
    if let errno = store.errno {
      expectRefusal(errno) {
        try bench.update("slots", littleEndian(store.index), value, flags: store.flags)
      }
    } else {
      try bench.update("slots", littleEndian(store.index), value, flags: store.flags)
    }
    // Slot 1 is what it was.
    #expect(try bench.run("main") == 7)
  }

  @Test("R4.4: a map that cannot be written says so first", arguments: Engine.all)
  func notWritable(engine: Engine) throws {
    let bench = try Self.bench(engine, flags: .readOnly)
    let value = littleEndian(0x7fff_0000)
    for (index, flags) in [(0, 0), (0, 4), (9, 0), (9, 1)] as [(UInt32, UInt64)] {
      expectRefusal(.notPermitted) {
        try bench.update("slots", littleEndian(index), value, flags: flags)
      }
    }
  }

  @Test("R4.5: a slot is replaced in one step, and keeps its program alive", arguments: Engine.all)
  func replacing(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.load("eight", Text.returning(8))
    let seven = try bench.programID("seven")
    bench.closeProgram("seven")
    #expect(try bench.run("main") == 7)
    #expect(bench.programExists(seven))
    try bench.store("eight", in: "slots", at: 1)
    #expect(try bench.run("main") == 8)
    #expect(eventually { !bench.programExists(seven) })
  }

  @Test(
    "R4.5: one program may be in many slots and arrays, and be stored again", arguments: Engine.all)
  func manySlots(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.makeSlots("others", 2)
    let seven = try bench.programID("seven")
    for _ in 0..<3 {
      try bench.store("seven", in: "slots", at: 1)
      try bench.store("seven", in: "slots", at: 2)
      try bench.store("seven", in: "others", at: 0)
    }
    bench.closeProgram("seven")
    try bench.empty("slots", at: 1)
    try bench.empty("slots", at: 2)
    #expect(try bench.run("main") == 99)
    #expect(bench.programExists(seven))
    try bench.empty("others", at: 0)
    #expect(eventually { !bench.programExists(seven) })
  }

  @Test("R4.8: a lookup gives the program's id", arguments: Engine.all)
  func lookup(engine: Engine) throws {
    let bench = try Self.bench(engine)
    #expect(
      try bench.lookup("slots", littleEndian(1), flags: 0)
        == littleEndian(bench.programID("seven")))
    for index: UInt32 in [0, 4, .max] {
      expectRefusal(.noEntry) { _ = try bench.lookup("slots", littleEndian(index), flags: 0) }
    }
    for flags: UInt64 in [1, 2, 4] {
      expectRefusal(.invalid) { _ = try bench.lookup("slots", littleEndian(1), flags: flags) }
    }
  }

  @Test("R4.8: R4.9: R4.11: the access mode limits user space", arguments: Engine.all)
  func accessModes(engine: Engine) throws {
    let readOnly = try Self.bench(engine, flags: .readOnly)
    let value = try readOnly.slotValue(of: "seven")
    expectRefusal(.notPermitted) {
      try readOnly.update("slots", littleEndian(0), value, flags: 0)
    }
    expectRefusal(.notPermitted) { try readOnly.empty("slots", at: 0) }
    expectRefusal(.noEntry) { _ = try readOnly.lookup("slots", littleEndian(0), flags: 0) }
    #expect(try readOnly.nextKey("slots", after: nil) == littleEndian(0))

    let writeOnly = try Self.bench(engine, flags: .writeOnly)
    expectRefusal(.notPermitted) { _ = try writeOnly.lookup("slots", littleEndian(1), flags: 0) }
    expectRefusal(.notPermitted) { _ = try writeOnly.nextKey("slots", after: nil) }
    try writeOnly.empty("slots", at: 1)
  }

  @Test("R4.9: a delete empties a slot once", arguments: Engine.all)
  func delete(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.empty("slots", at: 1)
    for index: UInt32 in [0, 1] { expectRefusal(.noEntry) { try bench.empty("slots", at: index) } }
    for index: UInt32 in [4, .max] {
      expectRefusal(.tooBig) { try bench.empty("slots", at: index) }
    }
  }

  @Test("R4.10: after a delete runs fall through, and the program is free", arguments: Engine.all)
  func afterDelete(engine: Engine) throws {
    let bench = try Self.bench(engine)
    let seven = try bench.programID("seven")
    bench.closeProgram("seven")
    #expect(try bench.run("main") == 7)
    try bench.empty("slots", at: 1)
    #expect(try bench.run("main") == 99)
    #expect(eventually { !bench.programExists(seven) })
  }

  @Test("R4.11: iteration visits every slot, filled or not", arguments: Engine.all)
  func iteration(engine: Engine) throws {
    let bench = try Self.bench(engine)
    let steps: [(UInt32?, UInt32?)] = [
      (nil, 0), (0, 1), (1, 2), (2, 3), (3, nil), (4, 0), (100, 0), (.max, 0),
    ]
    for (key, next) in steps {
      let found = try bench.nextKey("slots", after: key.map { littleEndian($0) })
      #expect(found == next.map { littleEndian($0) }, "after \(String(describing: key))")
    }
  }

  @Test("R4.12: there is no reading and deleting in one step", arguments: Engine.all)
  func lookupAndDelete(engine: Engine) throws {
    let bench = try Self.bench(engine)
    for index: UInt32 in [0, 1, 9] {
      expectRefusal(.notSupported) { _ = try bench.lookupAndDelete("slots", littleEndian(index)) }
    }
    #expect(try bench.run("main") == 7)
  }

  @Test("R4.12: there are no operations on many slots at once")
  func batches() throws {
    let bench = try RuntimeBench(.checked)
    try bench.makeSlots("slots", 4)
    let slots = try #require(bench.maps["slots"])
    #expect(throws: LinuxError.notSupported) { try slots.lookupBatch(limit: 4) }
    #expect(throws: LinuxError.notSupported) { try slots.lookupAndDeleteBatch(limit: 4) }
  }

  @Test("R4.13: a frozen array cannot be changed, only used", arguments: Engine.all)
  func freeze(engine: Engine) throws {
    let bench = try Self.bench(engine)
    try bench.freeze("slots")
    expectRefusal(.notPermitted) { try bench.store("seven", in: "slots", at: 0) }
    expectRefusal(.notPermitted) { try bench.empty("slots", at: 1) }
    expectRefusal(.notPermitted) { try bench.freeze("slots") }
    _ = try bench.lookup("slots", littleEndian(1), flags: 0)
    #expect(try bench.nextKey("slots", after: nil) == littleEndian(0))
    try bench.load("later", Text.hop(1, missed: 3))
    #expect(try bench.run("later") == 7)
  }

  @Test("R4.14: programs tail-call through arrays of any access mode", arguments: Engine.all)
  func accessModesOfPrograms(engine: Engine) throws {
    #expect(try Self.bench(engine, flags: .readOnly).run("main") == 99)
    #expect(try Self.bench(engine, flags: .writeOnly).run("main") == 7)
  }

  @Test(
    "R4.15: no other helper changes an array of programs", arguments: Engine.all,
    [(1, UInt32(0)), (2, 0xffff_ffea), (3, 0xffff_ffea)])
  func otherHelpers(engine: Engine, helper: (number: Int, result: UInt32)) throws {
    let bench = try Self.bench(engine)
    let text = """
      r1 = map[slots]
      *(u32 *)(r10 -4) = 1
      r2 = r10
      r2 += -4
      r3 = r2
      r4 = 0
      call \(helper.number)
      \(helper.number == 1 ? "if r0 == 0 goto pc+1\nr0 = 1" : "")
      exit
      """
    if engine == .kernel {
      expectRefusal(.invalid) { try bench.load("other", text) }
    } else {
      // The verifier will refuse this; a run is told that nothing was found or done.
      try bench.load("other", text)
      #expect(try bench.run("other") == helper.result)
    }
    #expect(try bench.run("main") == 7)
  }

  @Test("R4.16: an array of programs is no inner map", arguments: [UInt32(12), 13])
  func insideMaps(type: UInt32) throws {
    let runtime = Runtime(possibleCPUs: 2)
    let outer = MapDefinition(
      type: MapType(rawValue: type), keySize: 4, valueSize: 4, maxEntries: 2)
    let slots = try runtime.makeMap(
      MapDefinition(type: .programArray, keySize: 4, valueSize: 4, maxEntries: 3))
    #expect(throws: LinuxError.notSupported) { try runtime.makeMap(outer, template: slots) }
    let like = try runtime.makeMap(
      MapDefinition(type: .array, keySize: 4, valueSize: 4, maxEntries: 3))
    let map = try runtime.makeMap(outer, template: like)
    #expect(throws: LinuxError.invalid) { try map.setMap(slots, forKey: littleEndian(0)) }
    #expect(throws: LinuxError.invalid) {
      try map.update(littleEndian(0), littleEndian(slots.id))
    }
  }

  @Test(
    "R4.16: nor is it in Linux", .enabled(if: Engine.all.contains(.kernel)),
    arguments: [UInt32(12), 13])
  func insideMapsOfLinux(type: UInt32) throws {
    func shape(_ type: UInt32, entries: UInt32) -> KernelMap.Shape {
      KernelMap.Shape(type: type, keySize: 4, valueSize: 4, maxEntries: entries)
    }
    let slots = try KernelMap(shape(3, entries: 3))
    let error = #expect(throws: KernelError.self) {
      try KernelMap(shape(type, entries: 2), innerMap: slots)
    }
    #expect(error?.errno.rawValue == LinuxError.notSupported.rawValue)
    let map = try KernelMap(shape(type, entries: 2), innerMap: KernelMap(shape(2, entries: 3)))
    let refusal = #expect(throws: KernelErrno.self) {
      try map.update(littleEndian(0), slots.slotValue)
    }
    #expect(refusal?.rawValue == LinuxError.invalid.rawValue)
  }

  @Test("R4.4: keys and values of another size are refused")
  func wrongSizes() throws {
    for engine in Engine.ours {
      let bench = try Self.bench(engine)
      for key: [UInt8] in [[], [1], [1, 0, 0], [1, 0, 0, 0, 0]] {
        expectRefusal(.invalid) { _ = try bench.lookup("slots", key, flags: 0) }
        expectRefusal(.invalid) { try bench.delete("slots", key) }
        expectRefusal(.invalid) { _ = try bench.nextKey("slots", after: key) }
        expectRefusal(.invalid) { try bench.update("slots", key, littleEndian(1), flags: 0) }
      }
      expectRefusal(.invalid) { try bench.update("slots", littleEndian(1), [1, 0], flags: 0) }
      #expect(try bench.run("main") == 7)
    }
  }
}
