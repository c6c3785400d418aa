public import BPFInstructions
public import BPFObject
public import BPFRuntime

/// A program as the verifier sees it: values only, so that it can be checked before anything is
/// created.
public struct VerifierProgram: Sendable {
  /// Name, for messages.
  public var name: String
  /// The instructions, subprograms included.
  public var instructions: [Instruction]
  /// What the program gets, may call and may return.
  public var type: ProgramType
  /// Linux's number of the attach type, which decides about return values of some types.
  public var expectedAttachType: UInt32
  /// The maps that instructions refer to.
  public var maps: [MapShape]
  /// By the slot of a `ld_imm64`: the map that it refers to.
  public var references: [Int: MapReference]
  /// What is known about functions; those that calls reveal need not be listed.
  public var functions: [Function]
  /// Source lines, by ascending slot; empty without debug information.
  public var lines: [LineInfo]
  /// The licence; some helpers are for GPL-compatible programs only.
  public var license: String
  /// Whether the program may sleep.
  public var isSleepable: Bool

  /// Whether callbacks need type information, as Linux wants it. It adds nothing to what is proved.
  public var needsTypesForCallbacks = true

  /// Describes a program.
  public init(
    name: String = "", instructions: [Instruction], type: ProgramType,
    expectedAttachType: UInt32 = 0, maps: [MapShape] = [], references: [Int: MapReference] = [:],
    functions: [Function] = [], lines: [LineInfo] = [], license: String = "GPL",
    isSleepable: Bool = false
  ) {
    self.name = name
    self.instructions = instructions
    self.type = type
    self.expectedAttachType = expectedAttachType
    self.maps = maps
    self.references = references
    self.functions = functions
    self.lines = lines
    self.license = license
    self.isSleepable = isSleepable
  }

  /// A map, or a byte of its first value.
  public struct MapReference: Hashable, Sendable {
    /// Index in ``VerifierProgram/maps``.
    public var map: Int
    /// For the address of a byte in the first value, which byte.
    public var valueOffset: UInt32?

    /// Refers to a map, or to a byte of its first value.
    public init(map: Int, valueOffset: UInt32? = nil) {
      self.map = map
      self.valueOffset = valueOffset
    }
  }

  /// A function and what its type says.
  public struct Function: Hashable, Sendable {
    /// The first slot.
    public var start: Int
    /// Name.
    public var name: String
    /// Whether other objects may call it: then it is verified by its type, once, instead of with
    /// every call.
    public var isGlobal: Bool
    /// Its type; `nil` without type information.
    public var prototype: FunctionPrototype?

    /// Describes a function.
    public init(
      start: Int, name: String, isGlobal: Bool = false, prototype: FunctionPrototype? = nil
    ) {
      self.start = start
      self.name = name
      self.isGlobal = isGlobal
      self.prototype = prototype
    }
  }
}

extension VerifierProgram {
  /// Whether the licence is one that Linux counts as compatible with the GPL.
  var isGPLCompatible: Bool {
    [
      "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
    ].contains(license)
  }

  /// A program of an object.
  ///
  /// - Parameters:
  ///   - spec: The program.
  ///   - object: The object that it belongs to.
  ///   - type: What its section's name or the user says it is for.
  ///   - possibleCPUs: How many entries maps get that leave it open.
  public init(
    _ spec: ProgramSpec, of object: ObjectFile, type: ProgramType, possibleCPUs: UInt32 = 1
  ) {
    self.init(
      name: spec.name, instructions: spec.instructions, type: type,
      expectedAttachType: spec.kind?.expectedAttachType ?? 0,
      maps: object.maps.flatMap {
        MapShape.shapes(of: $0, in: object, possibleCPUs: possibleCPUs)
      },
      lines: spec.lines, license: object.license ?? "",
      isSleepable: spec.kind?.isSleepable ?? false)
    // A map of maps is followed by its template, so indices move.
    var positions: [Int] = []
    var next = 0
    for map in object.maps {
      positions.append(next)
      next += map.innerMap == nil ? 1 : 2
    }
    for (index, map) in object.maps.enumerated() where map.innerMap != nil {
      maps[positions[index]].inner = positions[index] + 1
    }
    for (slot, reference) in spec.references {
      switch reference {
      case .map(let map): references[slot] = MapReference(map: positions[map])
      case .mapValue(let map, let offset):
        references[slot] = MapReference(map: positions[map], valueOffset: offset)
      }
    }
    // Linux gets a type for each function or none at all, and only from its type does it know that
    // a function is global: one without is walked at every call.
    let isDescribed = spec.functions.allSatisfy { $0.btfTypeID != nil }
    functions = spec.functions.map { function in
      Function(
        start: function.start, name: function.name,
        isGlobal: function.isGlobal && isDescribed,
        prototype: object.prototype(of: function))
    }
  }
}
