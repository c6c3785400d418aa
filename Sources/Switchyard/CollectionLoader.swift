// UNSAFE. The steps from an object to a collection.
//
// Invariant: programs that are not verified are only loaded for whoever says that they are safe.

import BPFInstructions
import BPFObject
import BPFRuntime
import BPFVerifier

/// The steps from an object to a collection, with what each has made so far.
struct CollectionLoader {
  let object: ObjectFile
  let runtime: Runtime
  let options: Collection.Options

  /// By index in the object; `nil` where the kind does not exist here.
  private var maps: [MapHandle?] = []
  private(set) var programs: [Collection.LoadedProgram] = []
  private(set) var refused: [String: CollectionError] = [:]

  init(object: ObjectFile, runtime: Runtime, options: Collection.Options) {
    self.object = object
    self.runtime = runtime
    self.options = options
  }

  var loadedMaps: [Collection.LoadedMap] {
    zip(object.maps, maps).compactMap { spec, handle in
      handle.map { Collection.LoadedMap(spec: spec, handle: $0) }
    }
  }

  // MARK: Maps

  mutating func createMaps() throws(CollectionError) {
    for spec in object.maps {
      if let kept = try kept(spec) {
        maps.append(kept)
        continue
      }
      do throws(LinuxError) {
        maps.append(try create(spec))
      } catch .notSupported {
        maps.append(nil)
      } catch {
        throw CollectionError(code: .map, subject: spec.name, reason: "\(error)")
      }
    }
  }

  /// The map that takes the place of the object's own. Global data belongs to an object alone.
  private func kept(_ spec: MapSpec) throws(CollectionError) -> MapHandle? {
    guard isKept(spec), let map = options.keptMaps[spec.name] else { return nil }
    var difference = map.definition.difference(from: definition(of: spec))
    if difference == nil, let template = spec.innerMap, let inner = map.innerDefinition {
      difference = inner.difference(from: definition(of: template)).map { "inside, \($0)" }
    }
    if let difference {
      throw CollectionError(
        code: .map, subject: spec.name, reason: "cannot be kept: \(difference)")
    }
    return map.duplicate()
  }

  private func isKept(_ spec: MapSpec) -> Bool {
    spec.origin != .data && options.keptMaps[spec.name] != nil
  }

  private func create(_ spec: MapSpec) throws(LinuxError) -> MapHandle {
    // Only the shape of the template counts, so it need not live on.
    let template: MapHandle? = if let inner = spec.innerMap { try create(inner) } else { nil }
    let map = try runtime.makeMap(definition(of: spec), template: template)
    if let value = spec.initialValue {
      try map.update([0, 0, 0, 0], value)
    }
    if spec.isReadOnly { try map.freeze() }
    return map
  }

  private func definition(of spec: MapSpec) -> MapDefinition {
    var definition = MapDefinition(
      name: spec.name, type: MapType(rawValue: spec.type), keySize: spec.keySize,
      valueSize: spec.valueSize, maxEntries: spec.maxEntries,
      flags: MapFlags(rawValue: spec.flags), extra: spec.extra)
    definition.hasTypes = spec.keyTypeID != nil && spec.valueTypeID != nil
    if spec.isReadOnly { definition.flags.insert(.readOnlyForPrograms) }
    if definition.type == .perfEventArray, definition.maxEntries == 0 {
      definition.maxEntries = UInt32(runtime.possibleCPUs)
    }
    for field in object.specialFields(of: spec) {
      let offset = UInt32(truncatingIfNeeded: field.offset)
      if field.kind == .spinLock { definition.lockOffset = offset }
      if field.kind == .timer { definition.timerOffset = offset }
    }
    return definition
  }

  // MARK: Programs

  mutating func loadPrograms() {
    for refusal in object.refused {
      refused[refusal.name] = CollectionError(
        code: .link, subject: refusal.name, reason: "\(refusal.error)")
    }
    for spec in object.programs {
      do throws(CollectionError) {
        programs.append(try load(spec))
      } catch {
        refused[spec.name] = error
      }
    }
  }

  private func load(_ spec: ProgramSpec) throws(CollectionError) -> Collection.LoadedProgram {
    guard let kind = spec.kind ?? options.defaultKind else {
      throw CollectionError(
        code: .programType, subject: spec.name,
        reason: "section \(spec.section) does not say which type it is; give one with --type")
    }
    guard
      let type = options.types[kind.type]
        ?? ProgramType.linux(
          number: kind.type, expectedAttachType: kind.expectedAttachType)
    else {
      throw CollectionError(
        code: .programType, subject: spec.name,
        reason: "programs of type \(kind.name) cannot run here yet")
    }
    var references: [Int: ProgramSource.MapReference] = [:]
    for (slot, reference) in spec.references {
      references[slot] = try resolve(reference, at: slot, of: spec)
    }
    var source = ProgramSource(
      name: spec.name, type: type, instructions: spec.instructions, maps: references,
      traits: ProgramTraits(
        expectedAttachType: kind.expectedAttachType, hasFragments: kind.xdpHasFrags,
        isSleepable: kind.isSleepable),
      license: object.license ?? "")
    let engine = options.engine(in: runtime)
    var rejection: VerifierError?
    if !options.trustsPrograms {
      do throws(VerifierError) {
        source.facts = try verify(spec, kind, type).facts
      } catch {
        guard engine == .interpreter, options.rejectedPrograms == .interpreted else {
          throw CollectionError(rejected: spec.name, error)
        }
        rejection = error
      }
    }
    do throws(LoadError) {
      let program =
        options.trustsPrograms
        ? try unsafe runtime.loadUnverified(source, engine: engine)
        : try runtime.load(source, engine: engine)
      return Collection.LoadedProgram(
        spec: spec, program: program, rejection: rejection, facts: source.facts)
    } catch {
      throw CollectionError(
        code: .load, subject: spec.name, reason: "\(error)",
        line: error.instruction.flatMap { spec.line(at: $0) })
    }
  }

  private func verify(
    _ spec: ProgramSpec, _ kind: ProgramKind, _ type: ProgramType
  ) throws(VerifierError) -> VerifiedProgram {
    var program = VerifierProgram(
      spec, of: object, type: type, possibleCPUs: UInt32(runtime.possibleCPUs))
    program.expectedAttachType = kind.expectedAttachType
    program.isSleepable = kind.isSleepable
    return try Verifier(program, options: options.verifier).verify()
  }

  private func resolve(
    _ reference: Reference, at slot: Int, of spec: ProgramSpec
  ) throws(CollectionError) -> ProgramSource.MapReference {
    let index: Int
    var valueOffset: UInt32?
    switch reference {
    case .map(let map): index = map
    case .mapValue(let map, let offset):
      index = map
      valueOffset = offset
    }
    guard let map = maps[index] else {
      let type = MapType(rawValue: object.maps[index].type)
      throw CollectionError(
        code: .load, subject: spec.name,
        reason: "map \(object.maps[index].name) is of type \(type), which is not available yet",
        line: spec.line(at: slot))
    }
    return ProgramSource.MapReference(map, valueOffset: valueOffset)
  }

  // MARK: Slots

  func fillSlots() throws(CollectionError) {
    for (index, spec) in object.maps.enumerated() {
      guard let map = maps[index], !isKept(spec) else { continue }
      for (slot, value) in spec.initialSlots.sorted(by: { $0.key < $1.key }) {
        switch value {
        case .program(let name): try fill(map, slot, with: name)
        case .map(let inner): try fill(map, slot, withMap: inner)
        }
      }
    }
    for loaded in programs {
      for tail in loaded.spec.tailSlots {
        guard let index = object.maps.firstIndex(where: { $0.name == tail.array }),
          let map = maps[index]
        else {
          throw CollectionError(
            code: .slot, subject: "\(tail.array)[\(tail.slot)]",
            reason: "program \(loaded.spec.name) asks for this slot, but there is no such array")
        }
        guard !isKept(object.maps[index]) else { continue }
        try fill(map, tail.slot, with: loaded.spec.name)
      }
    }
  }

  private func fill(
    _ map: MapHandle, _ slot: UInt32, withMap index: Int
  ) throws(CollectionError) {
    let name = object.maps[index].name
    let subject = "\(map.definition.name)[\(slot)]"
    guard let inner = maps[index] else {
      throw CollectionError(
        code: .slot, subject: subject, reason: "map \(name) is of a type that is not available")
    }
    do throws(LinuxError) {
      let key = (0..<4).map { UInt8(truncatingIfNeeded: slot &>> ($0 * 8)) }
      try map.setMap(inner, forKey: key)
    } catch {
      throw CollectionError(
        code: .slot, subject: subject, reason: "map \(name) cannot be stored: \(error)")
    }
  }

  private func fill(
    _ map: MapHandle, _ slot: UInt32, with name: String
  ) throws(CollectionError) {
    let subject = "\(map.definition.name)[\(slot)]"
    guard let program = programs.first(where: { $0.spec.name == name })?.program else {
      let reason = refused[name].map { "\($0)" } ?? "there is no program \(name)"
      throw CollectionError(
        code: .slot, subject: subject, reason: reason, line: refused[name]?.line,
        rejection: refused[name]?.rejection)
    }
    do throws(LinuxError) {
      try map.setProgram(program, at: slot)
    } catch {
      throw CollectionError(
        code: .slot, subject: subject, reason: "program \(name) cannot be stored: \(error)")
    }
  }
}
