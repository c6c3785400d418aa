import Switchyard

extension LiveRuntime {
  // MARK: Programs

  /// The programs, or the one that is asked for.
  public func programs(_ selector: ObjectSelector? = nil) throws(ControlError) -> ProgramsDocument {
    try locked { state throws(ControlError) in
      let wanted: Program? = if let selector { try state.program(selector) } else { nil }
      var programs: [ProgramsDocument.Program] = []
      for (number, object) in state.objects.sorted(by: { $0.key < $1.key }) {
        for loaded in object.collection.programs
        where wanted == nil || loaded.program === wanted {
          programs.append(describe(loaded, number, state))
        }
      }
      return ProgramsDocument(programs: programs)
    }
  }

  private func describe(
    _ loaded: Collection.LoadedProgram, _ object: UInt32, _ state: State
  ) -> ProgramsDocument.Program {
    let program = loaded.program
    let stored = StoredProgram(object: object, name: loaded.spec.name)
    let pins = state.pins.filter { $0.value.target == .program(stored) }.keys.sorted()
    let slots = state.current.arrays.sorted { $0.key < $1.key }.flatMap { name, slots in
      slots.filter { $0.program == stored }.map { "\(name)[\($0.index)]" }
    }
    return ProgramsDocument.Program(
      id: program.id, type: program.type.name, name: loaded.spec.name, object: object,
      insns: program.instructions.count, bytesJited: program.machineCode.count, pinned: pins,
      slots: (state.current.entry == stored ? ["entry"] : []) + slots)
  }

  /// Loads an object beside those that are there. Its maps are theirs where the names are the
  /// same, so its programs can take the place of theirs.
  ///
  /// - Parameters:
  ///   - bytes: The object.
  ///   - name: What messages call it.
  ///   - pin: What its only program is pinned as; nothing is loaded if it has several.
  public func load(
    _ bytes: [UInt8], named name: String, pinnedAs pin: String? = nil
  ) throws(ControlError) -> ProgramsDocument {
    try locked { state throws(ControlError) in
      if let pin { try checkName(pin, state) }
      let object = try LoadedObject(
        loading: bytes, named: name, into: runtime, options: options.collection,
        keeping: state.maps)
      if let error = object.collection.refused.min(by: { $0.key < $1.key })?.value {
        throw ControlError(error)
      }
      let programs = object.collection.programs
      guard pin == nil || programs.count == 1 else {
        throw ControlError(
          .usage,
          "\(name) has \(programs.count) programs and was not loaded: load it without a pin, and"
            + " pin them one by one")
      }
      let number = state.lastObject + 1
      try store?.keep(bytes, StoredObject(name: name, type: options.typeName), as: number)
      state.lastObject = number
      state.objects[number] = object
      if let pin, let program = programs.first {
        let target = StoredProgram(object: number, name: program.spec.name)
        do throws(ControlError) {
          try self.pin(StoredPin(target: .program(target)), as: pin, &state)
        } catch {
          state.objects[number] = nil
          try? store?.forget(before: 0, keepingObjects: Set(state.objects.keys))
          throw error
        }
      }
      return ProgramsDocument(programs: programs.map { describe($0, number, state) })
    }
  }

  /// Lets go of an object: none of its programs may be in the chain, pinned, or kept by a
  /// generation.
  public func unload(_ number: UInt32) throws(ControlError) {
    try locked { state throws(ControlError) in
      guard let object = state.objects[number] else {
        throw ControlError(.notFound, "there is no object \(number)")
      }
      if let generation = ([state.current] + state.earlier).first(where: {
        $0.objects.contains(number)
      }) {
        throw ControlError(
          .conflict, "object \(number) is part of generation \(generation.number)")
      }
      for (name, pin) in state.pins {
        if case .program(let program) = pin.target, program.object == number {
          throw ControlError(.conflict, "program \(program.name) is pinned as \(name)")
        }
      }
      state.goneMisses = object.collection.programs.map(\.program.tailCallCounts).joined()
        .reduce(state.goneMisses, +)
      state.objects[number] = nil
      try store?.forget(before: 0, keepingObjects: Set(state.objects.keys))
    }
  }

  // MARK: Pins

  /// What is pinned.
  public func pins() throws(ControlError) -> PinsDocument {
    try locked { state throws(ControlError) in
      var pins: [PinsDocument.Pin] = []
      for (path, pin) in state.pins.sorted(by: { $0.key < $1.key }) {
        switch pin.target {
        case .program(let stored):
          let program = try state.program(stored)
          pins.append(.init(path: path, kind: "prog", id: program.id, name: stored.name))
        case .map(let name):
          let map = try state.map(named: name)
          pins.append(.init(path: path, kind: "map", id: map.id, name: name))
        }
      }
      return PinsDocument(pins: pins)
    }
  }

  /// Pins a program under a name that survives the server.
  public func pin(program selector: ObjectSelector, as path: String) throws(ControlError) {
    try locked { state throws(ControlError) in
      let stored = try state.stored(try state.program(selector))
      try pin(StoredPin(target: .program(stored)), as: path, &state)
    }
  }

  /// Pins a map under a name that survives the server.
  public func pin(map selector: ObjectSelector, as path: String) throws(ControlError) {
    try locked { state throws(ControlError) in
      let map = try state.map(selector)
      try pin(StoredPin(target: .map(map.definition.name)), as: path, &state)
    }
  }

  private func pin(
    _ pin: StoredPin, as path: String, _ state: inout State
  ) throws(ControlError) {
    try checkName(path, state)
    try store?.pin(pin, as: path)
    state.pins[path] = pin
  }

  private func checkName(_ path: String, _ state: State) throws(ControlError) {
    let isName = path.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isName, !path.isEmpty, path.utf8.count <= 128, path.first != ".",
      !path.hasSuffix(DurableDirectory.temporarySuffix)
    else {
      throw ControlError(
        .usage, "\(path) is no name for a pin: letters, digits, dots, dashes and underscores")
    }
    guard state.pins[path] == nil else {
      throw ControlError(.conflict, "something is pinned as \(path) already")
    }
  }

  /// Removes a pin.
  public func unpin(_ path: String) throws(ControlError) {
    try locked { state throws(ControlError) in
      _ = try state.pin(path)
      try store?.unpin(path)
      state.pins[path] = nil
    }
  }
}
