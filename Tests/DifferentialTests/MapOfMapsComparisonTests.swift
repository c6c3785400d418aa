import BPFRuntime
import TestSupport
import Testing

@Suite("Maps of maps against Linux", .serialized)
struct MapOfMapsComparisonTests {
  private static func errno(_ body: () throws(BenchError) -> Void) -> Int32 {
    do throws(BenchError) {
      try body()
      return 0
    } catch {
      return error.errno?.rawValue ?? -1
    }
  }

  /// One of every kind that can be made without help.
  private static let kinds: [MapShape] = [
    MapShape(1), MapShape(2), MapShape(3, value: 4), MapShape(4, value: 4), MapShape(5),
    MapShape(6), MapShape(7), MapShape(8, value: 4), MapShape(9), MapShape(10),
    MapShape(11, key: 8, flags: 1), MapShape(14, value: 4), MapShape(15, value: 4),
    MapShape(16, value: 4), MapShape(17, value: 4), MapShape(18, value: 4),
    MapShape(19, key: 16, entries: 0), MapShape(21, key: 16, entries: 0), MapShape(22, key: 0),
    MapShape(23, key: 0), MapShape(25, value: 4), MapShape(27, key: 0, value: 0, entries: 4096),
    MapShape(30, key: 0),
  ]

  @Test("Linux takes the same kinds as templates", .requiresKernel, arguments: [12, 13])
  func templates(type: UInt32) throws {
    for kind in Self.kinds {
      let results = try [Engine.checked, .kernel].map { engine in
        let bench = try engine.bench()
        try bench.makeMap("template", MapDefinition(kind))
        return Self.errno { () throws(BenchError) in
          try bench.makeMap("outer", MapDefinition(MapShape(type, value: 4)), template: "template")
        }
      }
      #expect(results[0] == results[1], "\(kind)")
    }
  }

  @Test("Linux takes the same shapes of outer maps", .requiresKernel, arguments: [12, 13])
  func outerShapes(type: UInt32) throws {
    for shape in [
      MapShape(type), MapShape(type, value: 0), MapShape(type, key: 8, value: 4),
      MapShape(type, key: 0, value: 4), MapShape(type, value: 4, entries: 0),
      MapShape(type, value: 4, flags: 1), MapShape(type, value: 4, flags: 2),
      MapShape(type, value: 4, flags: 4), MapShape(type, value: 4, flags: 8),
      MapShape(type, value: 4, flags: 16), MapShape(type, value: 4, flags: 64),
      MapShape(type, value: 4, flags: 128), MapShape(type, value: 4, flags: 256),
      MapShape(type, value: 4, flags: 1 << 10), MapShape(type, value: 4, flags: 1 << 12),
    ] {
      let results = try [Engine.checked, .kernel].map { engine in
        let bench = try engine.bench()
        try bench.makeMap("template", MapDefinition(MapShape(2)))
        return Self.errno { () throws(BenchError) in
          try bench.makeMap("outer", MapDefinition(shape), template: "template")
        }
      }
      #expect(results[0] == results[1], "\(shape)")
    }
  }

  /// Shapes that differ from another one in one thing.
  private static func variants(of shape: MapShape) -> [MapShape] {
    var variants = [shape]
    func add(_ change: (inout MapShape) -> Void) {
      var variant = shape
      change(&variant)
      variants.append(variant)
    }
    add { $0.maxEntries *= 2 }
    add { $0.keySize += 4 }
    add { $0.valueSize += 4 }
    add { $0.valueSize += 8 }
    for flag in [1, 2, 4, 8, 16, 64, 128, 256, 1 << 10, 1 << 12] as [UInt32] {
      add { $0.flags ^= flag }
    }
    add { $0.extra = 2 }
    if shape.valueSize >= 24 {
      add { $0.lockOffset = shape.lockOffset == nil ? 0 : nil }
      add { $0.timerOffset = shape.timerOffset == nil ? 8 : nil }
    }
    return variants
  }

  private static let innerShapes =
    kinds.filter { ![3, 19, 21].contains($0.type) } + [
      MapShape(1, value: 24), MapShape(2, value: 24), MapShape(1, value: 24, lock: 4),
      MapShape(2, value: 24, lock: 0), MapShape(1, value: 24, timer: 8),
      MapShape(2, flags: 1 << 12), MapShape(30, key: 0, extra: 3),
    ]

  @Test(
    "Linux takes the same maps into a slot", .requiresKernel, arguments: [12, 13], innerShapes)
  func likeness(type: UInt32, template: MapShape) throws {
    let (ours, linux) = (try Engine.checked.bench(), try Engine.kernel.bench())
    for bench in [ours, linux] {
      try bench.makeMap("template", MapDefinition(template))
      try bench.makeMap("outer", MapDefinition(MapShape(type, value: 4)), template: "template")
    }
    for candidate in Self.variants(of: template) + [MapShape(1), MapShape(2), MapShape(9)] {
      let results = [ours, linux].map { bench in
        let made = Self.errno { () throws(BenchError) in
          try bench.makeMap("candidate", MapDefinition(candidate))
        }
        guard made == 0 else { return [made] }
        return [0, 1, 2, 3, 4].map { (flags: UInt64) in
          Self.errno { () throws(BenchError) in
            try bench.update(
              "outer", littleEndian(1), bench.slotValue(ofMap: "candidate"), flags: flags)
          }
        }
      }
      #expect(results[0] == results[1], "\(candidate)")
    }
  }

  @Test("slots are read, filled and emptied as in Linux", .requiresKernel, arguments: [12, 13])
  func operations(type: UInt32) throws {
    let benches = [try Engine.checked.bench(), try Engine.kernel.bench()]
    var generator = SplitMix(state: 5)
    for bench in benches {
      try bench.makeMap("one", MapDefinition(MapShape(2)))
      try bench.makeMap("two", MapDefinition(MapShape(2)))
      try bench.makeMap("other", MapDefinition(MapShape(1)))
      try bench.makeMap("outer", MapDefinition(MapShape(type, value: 4)), template: "one")
    }
    /// What came of it; ids by the names of the maps.
    func perform(_ choice: Int, _ key: [UInt8], _ name: String, _ flags: UInt64, _ bench: any Bench)
      -> String
    {
      do throws(BenchError) {
        switch choice {
        case 0:
          let value = try bench.lookup("outer", key, flags: 0)
          for name in ["one", "two"] where (try? littleEndian(bench.mapID(name))) == value {
            return name
          }
          return "\(value)"
        case 1, 2:
          let value = name == "none" ? littleEndian(.max) : try bench.slotValue(ofMap: name)
          try bench.update("outer", key, value, flags: flags)
          return "done"
        case 3:
          try bench.delete("outer", key)
          return "done"
        case 4: return "\(try bench.lookupAndDelete("outer", key))"
        default:
          var keys: [[UInt8]] = []
          while let key = try bench.nextKey("outer", after: keys.last) { keys.append(key) }
          return "\(keys.sorted { $0.lexicographicallyPrecedes($1) })"
        }
      } catch {
        return "errno \(error.errno?.rawValue ?? -1)"
      }
    }
    for step in 0..<600 {
      let choice = Int.random(in: 0..<6, using: &generator)
      let key = littleEndian(UInt32.random(in: 0..<6, using: &generator))
      let name = ["one", "two", "two", "other", "none"].randomElement(using: &generator) ?? "one"
      let flags = [0, 0, 0, 1, 2, 3, 4].randomElement(using: &generator) ?? 0 as UInt64
      let outcomes = benches.map { perform(choice, key, name, flags, $0) }
      try #require(
        outcomes[0] == outcomes[1], "step \(step): \(choice) \(key) \(name) \(flags)")
    }
  }

  /// Looks key 0 up in the outer map, and counts in the value of key 1 of what it finds.
  private static let text = """
    *(u32 *)(r10 -4) = 0
    r1 = map[outer]
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto nothing
    *(u32 *)(r10 -4) = 1
    r1 = r0
    r2 = r10
    r2 += -4
    call 1
    if r0 == 0 goto nothing
    r1 = *(u64 *)(r0 +0)
    r1 += 1
    *(u64 *)(r0 +0) = r1
    r0 = r1
    exit
    nothing: r0 = 0
    exit
    """

  @Test("programs reach the map that is inside now", arguments: Engine.all, [12, 13] as [UInt32])
  func fromPrograms(engine: Engine, type: UInt32) throws {
    for inner in [1, 2, 9] as [UInt32] {
      // The map that comes second may be larger, but an array.
      let bench = try engine.bench()
      try bench.makeMap("one", MapDefinition(MapShape(inner)))
      try bench.makeMap("two", MapDefinition(MapShape(inner, entries: inner == 2 ? 4 : 40)))
      try bench.makeMap("outer", MapDefinition(MapShape(type, value: 4)), template: "one")
      try bench.load("count", Self.text)
      #expect(try bench.run("count") == 0)
      for (name, start) in [("one", 10), ("two", 20)] {
        try bench.update("outer", littleEndian(0), bench.slotValue(ofMap: name), flags: 0)
        #expect(try bench.run("count") == (inner == 2 ? 1 : 0))
        try bench.update(name, littleEndian(1), bytes(UInt64(start)), flags: 0)
        #expect(try bench.run("count") == UInt32(start + 1))
      }
      try bench.delete("outer", littleEndian(0))
      #expect(try bench.run("count") == 0)
      #expect(try bench.lookup("one", littleEndian(1), flags: 0) == bytes(UInt64(11)))
      #expect(try bench.lookup("two", littleEndian(1), flags: 0) == bytes(UInt64(21)))
    }
  }
}
