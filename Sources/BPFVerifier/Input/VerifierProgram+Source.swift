public import BPFRuntime

extension VerifierProgram {
  /// A program that is about to be loaded, with the maps that exist already.
  ///
  /// What a source does not have stays unknown: types of functions, source lines.
  public init(_ source: ProgramSource) {
    self.init(
      name: source.name, instructions: source.instructions, type: source.type,
      expectedAttachType: source.traits.expectedAttachType, license: source.license,
      isSleepable: source.traits.isSleepable)
    needsTypesForCallbacks = false
    var positions: [UInt32: Int] = [:]
    for (slot, reference) in source.maps.sorted(by: { $0.key < $1.key }) {
      let handle = reference.map
      let position = positions[handle.id] ?? maps.count
      if position == maps.count {
        maps.append(MapShape(handle))
        if let inner = handle.innerDefinition {
          maps[position].inner = position + 1
          maps.append(MapShape(inner))
        }
      }
      positions[handle.id] = position
      references[slot] = MapReference(map: position, valueOffset: reference.valueOffset)
    }
  }
}

extension MapShape {
  /// A map that exists. Frozen and read-only, its first value is known.
  init(_ handle: MapHandle) {
    self.init(handle.definition)
    guard hasDirectValue, handle.isFrozen,
      definition.flags.contains(.readOnlyForPrograms)
    else { return }
    constants = try? handle.lookup([0, 0, 0, 0])
  }
}
