import Switchyard

extension LiveRuntime {
  /// The maps, or the one that is asked for.
  public func maps(_ selector: ObjectSelector? = nil) throws(ControlError) -> MapsDocument {
    try locked { state throws(ControlError) in
      let maps: [MapHandle] = if let selector { [try state.map(selector)] } else { state.maps }
      return MapsDocument(
        maps: maps.map { map in
          let definition = map.definition
          let pins = state.pins.filter { $0.value.target == .map(definition.name) }.keys.sorted()
          return MapsDocument.Map(
            id: map.id, type: "\(definition.type)", name: definition.name,
            bytesKey: definition.keySize, bytesValue: definition.valueSize,
            maxEntries: definition.maxEntries, pinned: pins)
        })
    }
  }

  /// The elements of a map, or one of them.
  public func elements(
    of selector: ObjectSelector, key: [UInt8]? = nil
  ) throws(ControlError) -> ElementsDocument {
    let map = try locked { state throws(ControlError) in try state.map(selector) }
    let name = map.definition.name
    do throws(LinuxError) {
      if let key {
        guard key.count == Int(map.definition.keySize) else { throw .invalid }
        return ElementsDocument(map: name, elements: [try element(of: map, at: key)])
      }
      var elements: [ElementsDocument.Element] = []
      for key in try map.keys() {
        do throws(LinuxError) {
          elements.append(try element(of: map, at: key))
        } catch .noEntry {
          // An empty slot, or an element that has gone since its key was read.
          continue
        }
      }
      return ElementsDocument(map: name, elements: elements)
    } catch {
      throw refusal(error, of: map, key)
    }
  }

  /// The key that follows another one in the map's own order; the first one for `nil`.
  public func key(
    after key: [UInt8]?, of selector: ObjectSelector
  ) throws(ControlError) -> [UInt8]? {
    let map = try locked { state throws(ControlError) in try state.map(selector) }
    do throws(LinuxError) {
      return try map.nextKey(after: key)
    } catch {
      throw refusal(error, of: map, key)
    }
  }

  /// Sets an element; of an array of programs, a slot, which makes a new generation.
  public func update(
    _ selector: ObjectSelector, _ change: ElementChangeDocument
  ) throws(ControlError) {
    let map = try locked { state throws(ControlError) in try state.map(selector) }
    let name = map.definition.name
    if map.definition.type == .programArray {
      guard let program = change.program else {
        throw ControlError(.usage, "\(name) is an array of programs: give a program as the value")
      }
      guard change.flags == nil || change.flags == "any" else {
        throw ControlError(.refusedByMap, "\(name): slots take no flags but any")
      }
      let slot = ChangesDocument.Slot(
        array: name, index: try index(change.key.bytes, of: map), program: program)
      _ = try apply(ChangesDocument(slots: [slot], note: "map update \(name)"))
      return
    }
    guard let value = change.value else {
      throw ControlError(.usage, "\(name): give a value")
    }
    let flags = try flags(change.flags)
    do throws(LinuxError) {
      try map.update(change.key.bytes, value.bytes, flags: flags)
    } catch {
      throw refusal(error, of: map, change.key.bytes, value: value.bytes)
    }
  }

  /// Removes an element; of an array of programs, empties a slot, which makes a new generation.
  public func delete(
    _ key: [UInt8], from selector: ObjectSelector
  ) throws(ControlError) {
    let map = try locked { state throws(ControlError) in try state.map(selector) }
    let name = map.definition.name
    do throws(LinuxError) {
      if map.definition.type == .programArray {
        _ = try map.lookup(key)
      } else {
        try map.delete(key)
      }
    } catch {
      throw refusal(error, of: map, key)
    }
    guard map.definition.type == .programArray else { return }
    let slot = ChangesDocument.Slot(array: name, index: try index(key, of: map), program: nil)
    _ = try apply(ChangesDocument(slots: [slot], note: "map delete \(name)"))
  }

  private func element(
    of map: MapHandle, at key: [UInt8]
  ) throws(LinuxError) -> ElementsDocument.Element {
    let value = try map.lookup(key)
    var element = ElementsDocument.Element(key: ByteList(key))
    let definition = map.definition
    if definition.type == .programArray {
      element.value = ByteList(value)
      element.program = map.programs.first { Self.bytes(of: $0.index) == key }?.program.name
      return element
    }
    guard value.count != Int(definition.valueSize) else {
      element.value = ByteList(value)
      return element
    }
    let stride = (Int(definition.valueSize) + 7) & ~7
    element.values = Swift.stride(from: 0, to: value.count, by: stride).enumerated().map {
      cpu, start in
      .init(cpu: cpu, value: ByteList(Array(value[start..<start + Int(definition.valueSize)])))
    }
    return element
  }

  private func index(_ key: [UInt8], of map: MapHandle) throws(ControlError) -> UInt32 {
    guard key.count == 4 else { throw refusal(.invalid, of: map, key) }
    return key.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func bytes(of index: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) }
  }

  private func flags(_ word: String?) throws(ControlError) -> UpdateFlags {
    switch word {
    case nil, "any": .any
    case "noexist": .mustNotExist
    case "exist": .mustExist
    default: throw ControlError(.usage, "flags are any, exist or noexist, not \(word ?? "")")
    }
  }

  private func refusal(
    _ error: LinuxError, of map: MapHandle, _ key: [UInt8]?, value: [UInt8]? = nil
  ) -> ControlError {
    let place = key.map { "\(map.definition.name)[\($0.hexadecimal)]" } ?? map.definition.name
    let size = map.definition.keySize
    if let key, key.count != Int(size) {
      return ControlError(.usage, "\(place): keys have \(size) bytes, not \(key.count)")
    }
    let isSizeWrong = value.map { $0.count != Int(map.definition.valueSize) } ?? false
    if error == .invalid, isSizeWrong {
      return ControlError(
        .usage,
        "\(place): values have \(map.definition.valueSize) bytes, not \(value?.count ?? 0)")
    }
    return ControlError(error == .noEntry ? .noElement : .refusedByMap, "\(place): \(error)")
  }
}
