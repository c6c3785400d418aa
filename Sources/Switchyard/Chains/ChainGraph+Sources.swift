public import BPFObject
public import BPFRuntime
import BPFVerifier

extension ChainGraph {
  /// The chain as an object has it: its initial slots, and what the verifier finds out about its
  /// calls.
  ///
  /// - Parameters:
  ///   - object: The object; nothing is created.
  ///   - defaultKind: The type of programs whose section name says nothing.
  public init(_ object: ObjectFile, defaultKind: ProgramKind? = nil) {
    var arrays = object.maps.filter(\.isProgramArray).map { map in
      Array(
        name: map.name, size: map.maxEntries,
        slots: map.initialSlots.compactMapValues { value in
          guard case .program(let name) = value else { return nil }
          return name
        })
    }
    for program in object.programs {
      for tail in program.tailSlots {
        guard let position = arrays.firstIndex(where: { $0.name == tail.array }) else { continue }
        arrays[position].slots[tail.slot] = program.name
      }
    }
    let programs =
      object.programs.map { spec in
        Self.program(
          spec, of: object, kind: spec.kind ?? defaultKind,
          facts: Self.facts(spec, of: object, spec.kind ?? defaultKind))
      }
      + object.refused.map { refused in
        Program(
          name: refused.name, type: refused.kind?.name ?? "no type", traits: ProgramTraits(),
          sites: [], refusal: "\(refused.error)")
      }
    self.init(programs: programs, arrays: arrays, generation: nil)
  }

  /// The chain of what is loaded, with its slots as they are now.
  ///
  /// - Parameter collections: Of one runtime. Programs of others show as targets only.
  public init(_ collections: Collection...) {
    self.init(collections)
  }

  /// The chain of what is loaded, with its slots as they are now.
  ///
  /// Programs of the same name are told apart by their numbers, as in `tcp#12`.
  ///
  /// - Parameters:
  ///   - collections: Of one runtime. Programs of others show as targets only.
  ///   - entry: The program that packets enter through: then programs that are in no slot are left
  ///     out, such as those of a build that waits for its turn.
  public init(_ collections: [Collection], entry: BPFRuntime.Program? = nil) {
    var handles: [(name: String, handle: MapHandle)] = []
    for map in collections.flatMap(\.maps) where map.spec.isProgramArray {
      guard !handles.contains(where: { $0.handle.id == map.handle.id }) else { continue }
      handles.append((map.spec.name, map.handle))
    }
    let slots = handles.map(\.handle.programs)
    let used = entry.map { Set(slots.joined().map(\.program.id) + [$0.id]) }
    let loaded = collections.flatMap { collection in
      collection.programs.map { (collection, $0) }
    }.filter { used?.contains($0.1.program.id) ?? true }
    let label = Self.labels(loaded.map(\.1.program) + slots.joined().map(\.program))
    let arrays = zip(handles, slots).map { map, slots in
      Array(
        name: map.name, id: map.handle.id, size: map.handle.definition.maxEntries,
        slots: Dictionary(
          slots.map { ($0.index, label($0.program)) }, uniquingKeysWith: { first, _ in first }))
    }
    let programs = loaded.map { collection, loaded in
      var program = Self.program(
        loaded.spec, of: collection.object, kind: loaded.spec.kind, facts: loaded.facts)
      program.name = label(loaded.program)
      program.id = loaded.program.id
      program.type = loaded.program.type.name
      return program
    }
    self.init(
      programs: programs + (entry == nil ? Self.refused(collections) : []), arrays: arrays,
      generation: collections.first?.runtime.generation.number, entry: entry.map(label))
  }

  /// Names that differ for programs that do.
  private static func labels(
    _ programs: [BPFRuntime.Program]
  ) -> (BPFRuntime.Program) -> String {
    let numbers = Dictionary(grouping: programs, by: \.name).mapValues { Set($0.map(\.id)) }
    return { program in
      (numbers[program.name]?.count ?? 0) > 1 ? "\(program.name)#\(program.id)" : program.name
    }
  }

  private static func refused(_ collections: [Collection]) -> [Program] {
    collections.flatMap { collection in
      collection.refused.sorted { $0.key < $1.key }.map { name, error in
        Program(
          name: name, type: collection.object.program(named: name)?.kind?.name ?? "no type",
          sites: [], refusal: "\(error)")
      }
    }
  }

  private static func facts(
    _ spec: ProgramSpec, of object: ObjectFile, _ kind: ProgramKind?
  ) -> [InstructionFacts] {
    guard let kind,
      let type = ProgramType.linux(
        number: kind.type, expectedAttachType: kind.expectedAttachType)
    else { return [] }
    var program = VerifierProgram(spec, of: object, type: type)
    program.expectedAttachType = kind.expectedAttachType
    program.isSleepable = kind.isSleepable
    // A rejected program has no facts, and is shown all the same.
    return (try? Verifier(program).verify())?.facts ?? []
  }

  private static func program(
    _ spec: ProgramSpec, of object: ObjectFile, kind: ProgramKind?, facts: [InstructionFacts]
  ) -> Program {
    var sites = TailCallSites(spec, maps: object.maps).sites
    // With maps of maps the verifier counts their templates as maps of their own.
    let names = object.maps.flatMap { $0.innerMap == nil ? [$0.name] : [$0.name, ""] }
    for position in sites.indices where facts.indices.contains(sites[position].instruction) {
      let found = facts[sites[position].instruction]
      guard found.isReached else { continue }
      if let map = found.map, names.indices.contains(map) { sites[position].array = names[map] }
      sites[position].index = found.constant.map { UInt32(truncatingIfNeeded: $0) }
    }
    return Program(
      name: spec.name, type: kind?.name ?? "no type",
      traits: ProgramTraits(
        expectedAttachType: kind?.expectedAttachType ?? 0,
        hasFragments: kind?.xdpHasFrags ?? false, isSleepable: kind?.isSleepable ?? false),
      sites: sites)
  }
}
