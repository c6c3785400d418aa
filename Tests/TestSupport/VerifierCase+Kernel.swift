import BPFInstructions
import BPFKernel

extension VerifierCase {
  /// What the running kernel says of the program.
  ///
  /// - Throws: what keeps the program from reaching the verifier: a map or BTF that Linux refuses,
  ///   or a test run that it does.
  public func kernelVerdict() throws -> Verdict {
    let program = try assembled()
    let kernelMaps = try Dictionary(
      uniqueKeysWithValues: maps.filter { program.references.values.contains($0.name) }
        .map { ($0.name, try Self.created($0)) })
    // The instructions only name the descriptors: without this, optimised code closes them first.
    defer { withExtendedLifetime(kernelMaps) {} }
    var instructions = program.instructions
    for (slot, name) in program.references {
      instructions[slot].immediate = kernelMaps[name]?.descriptor.rawValue ?? -1
    }
    let types = FunctionTypes(self, in: program)
    let options = KernelProgram.Options(
      type: programTypeNumber, expectedAttachType: attachTypeNumber, license: license,
      name: "case", flags: isSleepable ? 1 << 4 : 0,
      btf: try types.map { try KernelBTF(bytes: $0.bytes) },
      functionInfo: (types?.records ?? []).map {
        KernelProgram.FunctionInfo(slot: UInt32($0.slot), typeID: $0.typeID)
      })
    let loaded: KernelProgram
    do throws(KernelError) {
      loaded =
        isStrict
        ? try KernelAvailability.withoutPointerRights { () throws(KernelError) in
          try KernelProgram(instructions, options)
        } : try KernelProgram(instructions, options)
    } catch {
      return .reject(
        errno: error.errno.name ?? String(error.errno.rawValue),
        message: Self.decisiveLine(of: error.log))
    }
    guard let packet else { return .accept(returnValue: nil) }
    return .accept(returnValue: try loaded.testRun(data: packet).returnValue)
  }

  static func created(_ map: Map) throws -> KernelMap {
    let shape = KernelMap.Shape(
      type: map.typeNumber, keySize: map.keySize, valueSize: map.valueSize,
      maxEntries: map.maxEntries, flags: map.flags)
    var types: KernelMap.Types?
    if map.needsTypes {
      let described = ValueTypes(map)
      types = KernelMap.Types(
        btf: try KernelBTF(bytes: described.bytes), key: described.key, value: described.value)
    }
    var inner: KernelMap?
    if ["array_of_maps", "hash_of_maps"].contains(map.type) {
      inner = try KernelMap(
        KernelMap.Shape(type: 2, keySize: 4, valueSize: 8, maxEntries: 1), name: "inner")
    }
    let created = try KernelMap(shape, name: map.name, innerMap: inner, types: types)
    for (index, bytes) in map.values {
      let key = (0..<4).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) }
      try created.update(key, bytes)
    }
    if map.isFrozen { try created.freeze() }
    return created
  }

  /// The last line of a log that is neither a total nor a state of the verifier.
  ///
  /// Linux ends some messages without a new line, and begins some without one.
  public static func decisiveLine(of log: String) -> String {
    var lines = log.split(separator: "\n").filter { line in
      !Self.otherLines.contains { line.hasPrefix($0) }
    }
    // The reason stands before this one, if there is another reason.
    if lines.count > 1, lines.last?.hasPrefix("Caller passes invalid args") == true,
      lines[lines.count - 2].first?.isNumber == false
    {
      lines.removeLast()
    }
    var line = lines.last.map { String($0.filter { $0 != "\0" }) } ?? ""
    if let total = line.firstRange(of: /processed \d+ insns/) {
      line.removeSubrange(total.lowerBound...)
    }
    if let loop = line.firstRange(of: "infinite loop detected") {
      line.removeSubrange(..<loop.lowerBound)
    }
    return line
  }

  private static let otherLines = [
    "processed ", "verification time ", "stack depth ", "cur state:", "old state:",
  ]
}
