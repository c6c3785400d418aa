import Switchyard
import TestSupport
import Testing

@Suite("A new build takes the place of the old one")
struct ReplacementTests {
  /// A runtime with a build of `steps.bpf.c` that packets go through.
  final class World {
    let runtime = Runtime()
    let object: ObjectFile
    var old: Switchyard.Collection
    let ingress: EntryPoint
    let cpu: CPU

    init() throws {
      object = try ChainGraphTests.object("objects/steps.bpf.o")
      old = try Collection(loading: object, into: runtime)
      let start = try old.program("start").program
      ingress = try runtime.makeEntryPoint(
        named: "ingress", type: .xdp, traits: start.traits, engine: start.engine)
      try ingress.set(start)
      cpu = try runtime.makeCPU()
    }

    /// What a packet for slot 0 comes to.
    func run() throws -> UInt64? {
      let context = try PacketContext(type: .xdp)
      try context.load([UInt8](repeating: 0, count: 64))
      return try cpu.run(ingress, in: context)?.returnValue
    }

    func visits(_ collection: Switchyard.Collection) throws -> UInt64 {
      let values = try collection.map("visits").handle.lookup([0, 0, 0, 0])
      return stride(from: 0, to: values.count, by: 8).reduce(0) { sum, start in
        sum + values[start..<start + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
      }
    }
  }

  @Test(
    "maps are kept with their values, slots and entry points change in one generation, and back")
  func replace() async throws {
    let world = try World()
    let (runtime, old, ingress) = (world.runtime, world.old, world.ingress)
    let before = try world.run()
    let visits = try old.map("visits").handle
    let replacement = try old.replacement(by: world.object, entryPoints: [ingress])
    #expect(try replacement.new.map("visits").handle.id == visits.id)
    #expect(try replacement.new.map(".bss").handle.id != old.map(".bss").handle.id)
    #expect(try old.map("steps").handle.program(at: 0) === old.program("mark").program)
    let generation = try replacement.commit()
    #expect(generation.changes.count == 3)
    let new = replacement.new
    #expect(try old.map("steps").handle.program(at: 0) === new.program("mark").program)
    #expect(try ingress.program === new.program("start").program)
    #expect(try world.run() == before)
    #expect(try world.visits(new) == 2)
    try await runtime.waitForRuns()
    try replacement.rollBack()
    #expect(try ingress.program === old.program("start").program)
    #expect(try old.map("steps").handle.program(at: 1) === old.program("again").program)
    #expect(try world.run() == before)
    #expect(try world.visits(old) == 3)
  }

  @Test("a map that is migrated is made anew and filled, and the new build uses it")
  func migration() throws {
    let world = try World()
    for _ in 0..<5 { _ = try world.run() }
    let replacement = try world.old.replacement(
      by: world.object,
      migrations: [
        "visits": { (from, to) throws(LinuxError) in
          try to.update([0, 0, 0, 0], try from.lookup([0, 0, 0, 0]))
        }
      ],
      entryPoints: [world.ingress])
    let new = replacement.new
    #expect(try new.map("visits").handle.id != world.old.map("visits").handle.id)
    try replacement.commit()
    _ = try world.run()
    #expect(try world.visits(new) == 6)
    #expect(try world.visits(world.old) == 5)
  }

  @Test("a migration that fails is named, and nothing has changed")
  func failingMigration() throws {
    let world = try World()
    let generation = world.runtime.generation.number
    let error = #expect(throws: CollectionError.self) {
      try world.old.replacement(
        by: world.object,
        migrations: ["visits": { (_, _) throws(LinuxError) in throw .noMemory }])
    }
    #expect(error?.subject == "visits")
    #expect(error?.reason == "cannot be migrated: ENOMEM (12)")
    #expect(world.runtime.generation.number == generation)
    #expect(try world.ingress.program === world.old.program("start").program)
  }

  @Test("a map is only made anew where that is asked for")
  func fresh() throws {
    let world = try World()
    _ = try world.run()
    let replacement = try world.old.replacement(
      by: world.object, fresh: ["visits"], entryPoints: [world.ingress])
    try replacement.commit()
    #expect(try world.visits(replacement.new) == 0)
    #expect(try world.visits(world.old) == 1)
  }

  @Test(
    "a map of the same name and another layout is refused, and the error says how it differs",
    arguments: [
      ("objects/wired-chain.bpf.o", "objects/events.bpf.o", "counts", "it is of type array"),
      ("../../Examples/parser.o", "objects/typed_maps.o", "flows", "its keys have 40 bytes"),
    ])
  func otherLayout(old: String, new: String, map: String, difference: String) throws {
    let runtime = Runtime()
    let collection = try Collection(loading: ChainGraphTests.object(old), into: runtime)
    let generation = runtime.generation.number
    let error = #expect(throws: CollectionError.self) {
      try collection.replacement(by: ChainGraphTests.object(new))
    }
    #expect(error?.code == .map)
    #expect(error?.subject == map)
    #expect(error?.reason.contains("cannot be kept: " + difference) == true, "\(error!)")
    #expect(runtime.generation.number == generation)
  }

  @Test("a kept map that has its lock in another place is refused")
  func otherLock() throws {
    let runtime = Runtime()
    let object = try ChainGraphTests.object("objects/sockets.bpf.o")
    var definition = MapDefinition(
      name: "totals", type: .array, keySize: 4, valueSize: 16, maxEntries: 4)
    definition.hasTypes = true
    for (offset, reason) in [
      (0, "its values have their lock in another place"),
      (nil, "its values have their lock in another place"), (8, nil),
    ] as [(UInt32?, String?)] {
      definition.lockOffset = offset
      var options = Collection.Options()
      options.keptMaps["totals"] = try runtime.makeMap(definition)
      if let reason {
        let error = #expect(throws: CollectionError.self) {
          try Collection(loading: object, into: runtime, options: options)
        }
        #expect(error?.subject == "totals")
        #expect(error?.reason == "cannot be kept: \(reason)")
      } else {
        let collection = try Collection(loading: object, into: runtime, options: options)
        #expect(try collection.map("totals").handle.id == options.keptMaps["totals"]?.id)
      }
    }
  }

  @Test("a kept map of maps whose inner maps are of another kind is refused")
  func otherTemplate() throws {
    let runtime = Runtime()
    let object = try ChainGraphTests.object("objects/values.o")
    let outer = MapDefinition(
      name: "outer", type: .arrayOfMaps, keySize: 4, valueSize: 4, maxEntries: 3)
    for (inner, reason) in [
      (MapDefinition(type: .hash, keySize: 4, valueSize: 8, maxEntries: 1), "type hash"),
      (MapDefinition(type: .array, keySize: 4, valueSize: 4, maxEntries: 1), "values have 4 bytes"),
      (MapDefinition(type: .array, keySize: 4, valueSize: 8, maxEntries: 1), nil),
    ] as [(MapDefinition, String?)] {
      var options = Collection.Options()
      options.keptMaps["outer"] = try runtime.makeMap(
        outer, template: try runtime.makeMap(inner))
      if let reason {
        let error = #expect(throws: CollectionError.self) {
          try Collection(loading: object, into: runtime, options: options)
        }
        #expect(error?.subject == "outer")
        #expect(error?.reason.hasPrefix("cannot be kept: inside, ") == true)
        #expect(error?.reason.contains(reason) == true, "\(error!)")
      } else {
        _ = try Collection(loading: object, into: runtime, options: options)
      }
    }
  }

  @Test("a slot that somebody changed meanwhile stops the whole replacement")
  func conflict() throws {
    let world = try World()
    let replacement = try world.old.replacement(by: world.object, entryPoints: [world.ingress])
    let steps = try world.old.map("steps").handle
    try steps.delete([1, 0, 0, 0])
    let error = #expect(throws: ChainError.self) { try replacement.commit() }
    guard case .conflict(let conflict)? = error else {
      Issue.record("\(String(describing: error)) is no conflict")
      return
    }
    #expect(conflict.array == "steps")
    #expect(conflict.index == 1)
    #expect(try world.ingress.program === world.old.program("start").program)
    #expect(try steps.program(at: 0) === world.old.program("mark").program)
  }

  @Test("slots that were emptied or filled by hand stay as they are")
  func handMade() throws {
    let world = try World()
    let steps = try world.old.map("steps").handle
    let other = try Collection(loading: world.object, into: world.runtime)
    let guest = try other.program("spare").program
    try steps.delete([1, 0, 0, 0])
    try steps.setProgram(guest, at: 3)
    let replacement = try world.old.replacement(by: world.object)
    try replacement.commit()
    #expect(try steps.program(at: 0) === replacement.new.program("mark").program)
    #expect(steps.program(at: 1) == nil)
    #expect(steps.program(at: 3) === guest)
  }

  @Test("once runs have drained and nobody goes back, the old build's programs are gone")
  func drained() async throws {
    let world = try World()
    let runtime = world.runtime
    runtime.generationLimit = 0
    let programs = world.old.programs.map(\.program.id)
    var replacement: Replacement? = try world.old.replacement(
      by: world.object, entryPoints: [world.ingress])
    try replacement?.commit()
    let new = try #require(replacement?.new)
    world.old = new
    replacement = nil
    try await runtime.waitForRuns()
    _ = try world.run()
    #expect(programs.allSatisfy { runtime.program(id: $0) == nil })
    #expect(new.programs.allSatisfy { runtime.program(id: $0.program.id) != nil })
  }
}
