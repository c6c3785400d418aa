import BPFInstructions
import BPFObject
import BPFRuntime
import BPFVerifier
import TestSupport

extension VerifierCase {
  /// The case as the verifier takes it; `nil` for a type that is not described here.
  func verifierProgram() throws -> VerifierProgram? {
    guard
      let type = ProgramType.described(
        number: programTypeNumber, expectedAttachType: attachTypeNumber)
    else { return nil }
    let program = try assembled()
    var result = VerifierProgram(
      name: "case", instructions: program.instructions, type: type,
      expectedAttachType: attachTypeNumber, license: license, isSleepable: isSleepable)
    for map in maps {
      let definition = MapDefinition(
        name: map.name, type: MapType(rawValue: map.typeNumber), keySize: map.keySize,
        valueSize: map.valueSize, maxEntries: map.maxEntries,
        flags: MapFlags(rawValue: map.flags))
      var shape = MapShape(definition, isTyped: map.needsTypes)
      if map.isFrozen, definition.flags.contains(.readOnlyForPrograms) {
        var value = [UInt8](repeating: 0, count: Int(map.valueSize))
        for (index, byte) in (map.values[0] ?? []).enumerated() { value[index] = byte }
        shape.constants = value
      }
      if let offset = map.lockOffset {
        shape.specialFields.append(SpecialField(.spinLock, offset: Int(offset), byteCount: 4))
      }
      if let offset = map.timerOffset {
        shape.specialFields.append(SpecialField(.timer, offset: Int(offset), byteCount: 16))
      }
      result.maps.append(shape)
    }
    // Templates of inner maps come after all others.
    for index in maps.indices where ["array_of_maps", "hash_of_maps"].contains(maps[index].type) {
      result.maps[index].inner = result.maps.count
      result.maps.append(
        MapShape(
          MapDefinition(name: "inner", type: .array, keySize: 4, valueSize: 8, maxEntries: 1)))
    }
    for (slot, name) in program.references {
      let pseudo = program.instructions[slot].source.rawValue
      let isValue =
        pseudo == PseudoSource.mapValueByDescriptor.rawValue
        || pseudo == PseudoSource.mapValueByIndex.rawValue
      let offset = UInt32(bitPattern: program.instructions[slot + 1].immediate)
      result.references[slot] = VerifierProgram.MapReference(
        map: maps.firstIndex { $0.name == name } ?? -1, valueOffset: isValue ? offset : nil)
    }
    for function in functions {
      result.functions.append(
        VerifierProgram.Function(
          start: program.labels[function.name] ?? 0, name: function.name,
          isGlobal: function.isGlobal,
          prototype: FunctionPrototype(
            parameters: function.parameters.map { $0.prototype(contextStructure) },
            result: function.result.prototype(contextStructure))))
    }
    return result
  }
}

extension VerifierCase.ValueType {
  fileprivate func prototype(_ context: String) -> FunctionPrototype.Value {
    switch self {
    case .void: .void
    case .int: .number(byteCount: 4)
    case .unsigned(let byteCount): .number(byteCount: byteCount)
    case .context:
      .pointer(structure: context, byteCount: 4, isNonNull: true)
    case .memory(let byteCount, let isNonNull):
      .pointer(structure: "memory", byteCount: byteCount, isNonNull: isNonNull)
    }
  }
}
