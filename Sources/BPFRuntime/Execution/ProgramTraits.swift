/// What, besides its type, decides which programs may share an array (tail-calls.md R3.3).
public struct ProgramTraits: Hashable, Sendable {
  /// The attach type that the loader asked for (R3.5): compared literally.
  public var expectedAttachType: UInt32
  /// Whether an XDP program handles packets in several fragments.
  public var hasFragments: Bool
  /// Whether the program may sleep.
  public var isSleepable: Bool
  /// The prototype of the function a tracing program hangs on, as a number of the embedder's
  /// choosing (R3.6).
  public var attachPrototype: UInt64?

  /// Describes a program.
  public init(
    expectedAttachType: UInt32 = 0, hasFragments: Bool = false, isSleepable: Bool = false,
    attachPrototype: UInt64? = nil
  ) {
    self.expectedAttachType = expectedAttachType
    self.hasFragments = hasFragments
    self.isSleepable = isSleepable
    self.attachPrototype = attachPrototype
  }
}

/// What an array of programs remembers of its first user, for ever (tail-calls.md R3.1 to R3.4).
struct ArrayOwner: Sendable {
  let type: UInt32
  let isCompiled: Bool
  let traits: ProgramTraits
  /// The context description: an embedder may describe two under one number. Held, because the
  /// address of one that is gone could come back as another's.
  let context: ContextAccessTable
  /// The numbers of the maps that hold values of the control group, by kind.
  let storages: [MapType: UInt32]
  /// Whether the program makes tail calls itself.
  let hasTailCalls: Bool
  /// Whether the program decides what the probed function returns.
  let overridesReturn: Bool
  /// Whether the array is the place of an entry point, which tail calls do not reach.
  let isEntryPoint: Bool

  init(_ program: Program) {
    self.init(
      type: program.type, traits: program.traits, isCompiled: program.engine == .compiled,
      maps: program.maps, hasTailCalls: !program.tailCallSites.isEmpty,
      overridesReturn: program.overridesReturn)
  }

  init(
    type: ProgramType, traits: ProgramTraits, isCompiled: Bool, maps: [Map] = [],
    hasTailCalls: Bool = true, overridesReturn: Bool = false, isEntryPoint: Bool = false
  ) {
    self.overridesReturn = overridesReturn
    self.isEntryPoint = isEntryPoint
    storages = maps.reduce(into: [:]) { storages, map in
      guard LocalStorageMap.controlGroupKinds.contains(map.definition.type) else { return }
      storages[map.definition.type] = map.id
    }
    self.hasTailCalls = hasTailCalls
    self.type = type.number
    self.isCompiled = isCompiled
    self.traits = traits
    context = type.context.access
  }

  /// Whether a program may be reached from this owner's (R3.4): helper 81 gives it the storage of
  /// the one that was attached, so it has to be the same map; or it has none, and leads nowhere.
  func sharesStorages(with other: ArrayOwner) -> Bool {
    LocalStorageMap.controlGroupKinds.allSatisfy { kind in
      storages[kind] == other.storages[kind]
        || other.storages[kind] == nil && !other.hasTailCalls
    }
  }

  /// Whether a program like `other` may be stored in, or refer to, an array of this owner.
  func admits(_ other: ArrayOwner) -> Bool {
    // Whoever attaches such a program has to know it; behind a tail call nobody does (R3.8).
    guard !other.overridesReturn || isEntryPoint else { return false }
    var mine = self.traits
    var theirs = other.traits
    // Only tracing, EXT, struct_ops and LSM programs are bound to a prototype.
    if !(26...29).contains(type) {
      mine.attachPrototype = nil
      theirs.attachPrototype = nil
    }
    return type == other.type && isCompiled == other.isCompiled && context === other.context
      && mine == theirs && sharesStorages(with: other)
  }
}
