import BPFInstructions
public import BPFObject

/// A whole object file in Linux: maps created and filled, programs loaded, chains wired.
///
/// Maps keep their places and programs their names, so that a run here can be compared with one of
/// our own engines.
public final class KernelCollection: Sendable {
  /// The maps, at the same indices as ``BPFObject/ObjectFile/maps``.
  public let maps: [KernelMap]
  /// The object's types as Linux keeps them; `nil` when it has none or Linux refused them.
  public let btf: KernelBTF?
  /// Why Linux refused the object's types. Programs load all the same, but not those whose
  /// subprograms make tail calls (R2.9).
  public let btfError: KernelError?

  private let mapIndices: [String: Int]
  private let programsByName: [String: KernelProgram]

  /// How to load what the object leaves open.
  public struct Options: Sendable {
    /// For programs whose section names no type.
    public var defaultKind: ProgramKind?
    /// In place of the object's licence.
    public var license: String?
    /// See ``KernelProgram/Options/logLevel``.
    public var logLevel: UInt32
    /// Whether Linux gets the object's types.
    public var usesTypes: Bool

    /// Options; by default the object decides.
    public init(
      defaultKind: ProgramKind? = nil, license: String? = nil, logLevel: UInt32 = 0,
      usesTypes: Bool = true
    ) {
      self.defaultKind = defaultKind
      self.license = license
      self.logLevel = logLevel
      self.usesTypes = usesTypes
    }
  }

  /// Creates every map and loads every program of an object.
  ///
  /// - Throws: ``KernelError`` for the first map, program or slot that Linux refuses.
  public init(_ object: ObjectFile, _ options: Options = Options()) throws(KernelError) {
    var btf: KernelBTF?
    var btfError: KernelError?
    do throws(KernelError) {
      if options.usesTypes, let bytes = object.kernelBTF() { btf = try KernelBTF(bytes: bytes) }
    } catch {
      btfError = error
    }
    let maps = try Self.create(object, btf)
    var programs: [String: KernelProgram] = [:]
    for program in object.programs {
      programs[program.name] = try Self.load(program, maps, btf, object.license, options)
    }
    self.btf = btf
    self.btfError = btfError
    self.maps = maps
    programsByName = programs
    mapIndices = Dictionary(
      object.maps.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    try fillSlots(object)
  }

  /// A map by its variable's name.
  public func map(named name: String) -> KernelMap? { mapIndices[name].map { maps[$0] } }

  /// A program by its function's name.
  public func program(named name: String) -> KernelProgram? { programsByName[name] }

  /// The names of all programs, sorted.
  public var programNames: [String] { programsByName.keys.sorted() }
}

extension KernelCollection {
  private static func create(
    _ object: ObjectFile, _ btf: KernelBTF?
  ) throws(KernelError) -> [KernelMap] {
    var maps: [KernelMap] = []
    for spec in object.maps {
      // Linux only looks at the template: it need not live longer than the call.
      let template: KernelMap? =
        if let inner = spec.innerMap {
          try KernelMap(KernelMap.Shape(inner), name: inner.kernelName)
        } else { nil }
      let map = try KernelMap(
        KernelMap.Shape(spec), name: spec.kernelName, innerMap: template,
        types: types(of: spec, object, btf))
      do throws(KernelErrno) {
        if let value = spec.initialValue { try map.update(KernelBytes.word(0), value) }
        // Before the programs: the verifier takes constants from frozen maps only.
        if spec.isReadOnly { try map.freeze() }
      } catch {
        throw KernelError(operation: "fill map '\(spec.name)'", errno: error)
      }
      maps.append(map)
    }
    return maps
  }

  /// The types of keys and values, for the maps that have to say: some map types do not take any.
  private static func types(
    of spec: MapSpec, _ object: ObjectFile, _ btf: KernelBTF?
  ) -> KernelMap.Types? {
    let storage: Set<UInt32> = [24, 28, 29, 32]
    guard let btf, let key = spec.keyTypeID, let value = spec.valueTypeID,
      storage.contains(spec.type) || !object.specialFields(of: spec).isEmpty
    else { return nil }
    return KernelMap.Types(btf: btf, key: key, value: value)
  }

  /// What Linux says of each program of an object on its own, by name: nothing is kept.
  ///
  /// - Throws: ``KernelError`` for a map that Linux refuses.
  public static func verdicts(
    of object: ObjectFile, _ options: Options = Options()
  ) throws(KernelError) -> [String: KernelError?] {
    let bytes = options.usesTypes ? object.kernelBTF() : nil
    let btf = bytes.flatMap { try? KernelBTF(bytes: $0) }
    let maps = try create(object, btf)
    var verdicts: [String: KernelError?] = [:]
    for program in object.programs where program.kind != nil || options.defaultKind != nil {
      do throws(KernelError) {
        _ = try load(program, maps, btf, object.license, options)
        verdicts[program.name] = .some(nil)
      } catch {
        verdicts[program.name] = error
      }
    }
    return verdicts
  }

  private static func load(
    _ spec: ProgramSpec, _ maps: [KernelMap], _ btf: KernelBTF?, _ license: String?,
    _ options: Options
  ) throws(KernelError) -> KernelProgram {
    guard let kind = spec.kind ?? options.defaultKind else {
      throw KernelError(
        operation: "load program '\(spec.name)', whose section '\(spec.section)' names no type",
        errno: .invalid)
    }
    let functions = spec.functions.compactMap { function in
      function.btfTypeID.map { typeID in
        KernelProgram.FunctionInfo(
          slot: UInt32(truncatingIfNeeded: function.start), typeID: typeID)
      }
    }
    // Linux wants a record for every function or none at all.
    let isDescribed = btf != nil && functions.count == spec.functions.count
    let sleepable: UInt32 = 1 << 4
    let fragments: UInt32 = 1 << 5
    return try KernelProgram(
      linked(spec, maps),
      KernelProgram.Options(
        type: kind.type, expectedAttachType: kind.expectedAttachType,
        license: options.license ?? license ?? "", name: spec.name,
        flags: (kind.isSleepable ? sleepable : 0) | (kind.xdpHasFrags ? fragments : 0),
        btf: isDescribed ? btf : nil, functionInfo: isDescribed ? functions : [],
        logLevel: options.logLevel))
  }

  /// The instructions with descriptors in place of the object's map indices.
  private static func linked(_ spec: ProgramSpec, _ maps: [KernelMap]) -> [Instruction] {
    var instructions = spec.instructions
    for (slot, reference) in spec.references {
      let (map, source, offset): (Int, PseudoSource, UInt32) =
        switch reference {
        case .map(let map): (map, .mapDescriptor, 0)
        case .mapValue(let map, let offset): (map, .mapValueByDescriptor, offset)
        }
      instructions[slot].source = Register(rawValue: source.rawValue)
      instructions[slot].immediate = maps[map].descriptor.rawValue
      instructions[slot + 1].immediate = Int32(bitPattern: offset)
    }
    return instructions
  }

  /// Puts programs and maps where the object wants them from the start.
  private func fillSlots(_ object: ObjectFile) throws(KernelError) {
    for (spec, map) in zip(object.maps, maps) {
      for (slot, content) in spec.initialSlots.sorted(by: { $0.key < $1.key }) {
        let value: [UInt8]? =
          switch content {
          case .program(let name): programsByName[name]?.slotValue
          case .map(let index): maps[index].slotValue
          }
        try fill(slot, of: map, named: spec.name, with: value)
      }
    }
    for program in object.programs {
      for slot in program.tailSlots {
        guard let map = map(named: slot.array) else {
          throw KernelError(
            operation: "find program array '\(slot.array)' of '\(program.name)'", errno: .noEntry)
        }
        try fill(
          slot.slot, of: map, named: slot.array, with: programsByName[program.name]?.slotValue)
      }
    }
  }

  private func fill(
    _ slot: UInt32, of map: KernelMap, named name: String, with value: [UInt8]?
  ) throws(KernelError) {
    do throws(KernelErrno) {
      guard let value else { throw .noEntry }
      try map.update(KernelBytes.word(slot), value)
    } catch {
      throw KernelError(operation: "fill slot \(slot) of '\(name)'", errno: error)
    }
  }
}

extension KernelMap.Shape {
  /// The shape of an object's map. Where the object leaves the number of entries open, it is the
  /// number of CPUs.
  public init(_ spec: MapSpec) {
    let perfEventArray: UInt32 = 4
    let isOpen = spec.maxEntries == 0 && spec.type == perfEventArray
    self.init(
      type: spec.type, keySize: spec.keySize, valueSize: spec.valueSize,
      maxEntries: isOpen
        ? UInt32(truncatingIfNeeded: Kernel.possibleCPUCount) : spec.maxEntries,
      flags: spec.flags, numaNode: spec.numaNode, extra: spec.extra)
  }
}
