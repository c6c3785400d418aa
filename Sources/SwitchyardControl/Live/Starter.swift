import Switchyard

/// The steps from nothing, or from what an earlier server left, to a chain that packets can enter.
struct Starter {
  let runtime: Runtime
  let options: LiveRuntime.Options
  let store: StateStore?
  var state = LiveRuntime.State(
    current: StoredGeneration(
      number: 1, time: 0, note: "", entry: StoredProgram(object: 0, name: ""), arrays: [:]))
  private(set) var entryPoint: EntryPoint?

  init(runtime: Runtime, options: LiveRuntime.Options, store: StateStore?) {
    self.runtime = runtime
    self.options = options
    self.store = store
  }

  /// Starts with an object.
  mutating func begin(
    with bytes: [UInt8], named name: String, program: String?
  ) throws(ControlError) {
    state.lastObject = 1
    state.objects[1] = try load(bytes, named: name, keeping: [])
    let entry = try chooseEntry(program)
    entryPoint = try makeEntryPoint(for: entry)
    state.current = StoredGeneration(
      number: 1, time: LiveRuntime.now, note: "start",
      entry: StoredProgram(object: 1, name: entry.name), arrays: try state.storedArrays())
    state.runtimeNumbers[1] = runtime.generation.number
    try store?.keep(bytes, StoredObject(name: name, type: options.typeName), as: 1)
    try store?.prepare(state.current)
    try store?.publish(1)
  }

  /// Goes on with the chain of an earlier server.
  mutating func goOn(
    with found: StateStore.Found, current: StoredGeneration
  ) throws(ControlError) {
    guard let store else { return }
    state.found = found.remarks
    state.lastObject = try store.objectNumbers().last ?? 0
    try reload(found, current, from: store)
    let entry = try state.program(current.entry)
    entryPoint = try makeEntryPoint(for: entry)
    try fill(current)
    state.current = current
    state.earlier = found.earlier
    state.runtimeNumbers[current.number] = runtime.generation.number
    state.found.append(
      "generation \(current.number) was current: restored, with"
        + " \(current.slotCount.counted("slot")); values of maps are the objects' own again")
    restorePins(found)
  }

  /// Loads every object that a generation or a pin refers to, in their order, so that later ones
  /// find the maps of earlier ones. What only an older generation needs may fail.
  private mutating func reload(
    _ found: StateStore.Found, _ current: StoredGeneration, from store: StateStore
  ) throws(ControlError) {
    let needed = current.objects
    var wanted = needed
    for generation in found.earlier { wanted.formUnion(generation.objects) }
    for (_, pin) in found.pins {
      if case .program(let program) = pin.target { wanted.insert(program.object) }
    }
    for number in try store.objectNumbers() where !wanted.contains(number) {
      state.found.append("object \(number) was loaded, but nothing used it: removed")
    }
    try store.forget(before: 0, keepingObjects: wanted)
    for number in wanted.sorted() {
      do throws(ControlError) {
        let (bytes, about) = try store.object(number)
        state.objects[number] = try load(bytes, named: about.name, keeping: state.maps)
      } catch {
        if needed.contains(number) { throw error }
        state.found.append("object \(number) cannot be loaded: \(error.message)")
      }
    }
  }

  private mutating func restorePins(_ found: StateStore.Found) {
    for (name, pin) in found.pins {
      do throws(ControlError) {
        switch pin.target {
        case .program(let program): _ = try state.program(program)
        case .map(let map): _ = try state.map(named: map)
        }
        state.pins[name] = pin
      } catch {
        state.found.append("pin \(name) leads nowhere: \(error.message)")
      }
    }
  }

  /// Makes the slots those of a generation, whatever the objects put there themselves.
  private func fill(_ generation: StoredGeneration) throws(ControlError) {
    var change = runtime.beginTransaction(note: generation.note)
    do throws(ChainError) {
      for array in state.arrays {
        for slot in array.programs { try change.clear(array, at: slot.index) }
      }
    } catch {
      throw ControlError(.conflict, "\(error)")
    }
    for (name, slots) in generation.arrays {
      let array = try state.array(name)
      for slot in slots {
        let program = try state.program(slot.program)
        do throws(ChainError) {
          try change.set(program, in: array, at: slot.index)
        } catch {
          throw ControlError(.conflict, "\(error)")
        }
      }
    }
    do throws(ChainError) {
      try change.commit()
    } catch {
      throw ControlError(.conflict, "\(error)")
    }
  }

  private func load(
    _ bytes: [UInt8], named name: String, keeping maps: [MapHandle]
  ) throws(ControlError) -> LiveRuntime.LoadedObject {
    try LiveRuntime.LoadedObject(
      loading: bytes, named: name, into: runtime, options: options.collection, keeping: maps)
  }

  private func chooseEntry(_ name: String?) throws(ControlError) -> Program {
    guard let collection = state.objects[1]?.collection else {
      throw ControlError(.unavailable, "there is no object")
    }
    let names = collection.object.programs.map(\.name)
    guard let name = name ?? (names.count == 1 ? names.first : nil) else {
      throw ControlError(
        .usage,
        names.isEmpty
          ? "the object has no programs"
          : "the object has \(names.count) programs, name one with --program: "
            + names.joined(separator: ", "))
    }
    do throws(CollectionError) {
      return try collection.program(name).program
    } catch {
      throw ControlError(error)
    }
  }

  private func makeEntryPoint(for program: Program) throws(ControlError) -> EntryPoint {
    do {
      let point = try runtime.makeEntryPoint(
        named: "entry", type: program.type, traits: program.traits, engine: program.engine)
      try point.set(program)
      return point
    } catch {
      throw ControlError(.unavailable, "program \(program.name) cannot be the entry: \(error)")
    }
  }
}

extension LiveRuntime.LoadedObject {
  /// Loads an object, with maps of the same names in place of its own.
  init(
    loading bytes: [UInt8], named name: String, into runtime: Runtime,
    options: Collection.Options, keeping maps: [MapHandle]
  ) throws(ControlError) {
    let object: ObjectFile
    do throws(ObjectFileError) {
      object = try ObjectFile(bytes: bytes, name: name)
    } catch {
      throw ControlError(.cannotLink, "\(name): \(error)", file: name)
    }
    var options = options
    options.keptMaps = Dictionary(
      maps.map { ($0.definition.name, $0) }, uniquingKeysWith: { first, _ in first })
    do throws(CollectionError) {
      self.init(
        name: name,
        collection: try Collection(loading: object, into: runtime, options: options))
    } catch {
      throw ControlError(error)
    }
  }
}

extension ControlError {
  init(_ error: CollectionError) {
    let code: Code = error.code == .rejected ? .rejected : .cannotLink
    self.init(code, "\(error)", file: error.line?.file, line: error.line?.line)
  }
}

extension StoredGeneration {
  /// The objects that it needs.
  var objects: Set<UInt32> {
    Set(arrays.values.joined().map(\.program.object)).union([entry.object])
  }
}

extension LiveRuntime.State {
  /// What every array holds, by names.
  func storedArrays() throws(ControlError) -> [String: [StoredGeneration.Slot]] {
    var result: [String: [StoredGeneration.Slot]] = [:]
    for array in arrays {
      var slots: [StoredGeneration.Slot] = []
      for slot in array.programs {
        slots.append(.init(index: slot.index, program: try stored(slot.program)))
      }
      result[array.definition.name] = slots
    }
    return result
  }
}

extension Int {
  /// `1 slot`, `2 slots`.
  func counted(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
