public import BPFObject
import BPFRuntime
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
  /// - Parameter collections: Of one runtime. Programs of others show as targets only.
  public init(_ collections: [Collection]) {
    var arrays: [Array] = []
    for map in collections.flatMap(\.maps) where map.spec.isProgramArray {
      guard !arrays.contains(where: { $0.id == map.handle.id }) else { continue }
      let slots = map.handle.programs.map { ($0.index, $0.program.name) }
      arrays.append(
        Array(
          name: map.spec.name, id: map.handle.id, size: map.handle.definition.maxEntries,
          slots: Dictionary(slots, uniquingKeysWith: { first, _ in first })))
    }
    let programs = collections.flatMap { collection in
      collection.programs.map { loaded in
        var program = Self.program(
          loaded.spec, of: collection.object, kind: loaded.spec.kind, facts: loaded.facts)
        program.id = loaded.program.id
        program.type = loaded.program.type.name
        return program
      }
        + collection.refused.sorted { $0.key < $1.key }.map { name, error in
          Program(
            name: name, type: collection.object.program(named: name)?.kind?.name ?? "no type",
            traits: ProgramTraits(), sites: [], refusal: "\(error)")
        }
    }
    self.init(
      programs: programs, arrays: arrays,
      generation: collections.first?.runtime.generation.number)
  }

  private static func facts(
    _ spec: ProgramSpec, of object: ObjectFile, _ kind: ProgramKind?
  ) -> [InstructionFacts] {
    guard let kind, let type = ProgramType.linux(number: kind.type) else { return [] }
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
