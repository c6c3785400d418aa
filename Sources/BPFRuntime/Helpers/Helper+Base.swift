extension Helper {
  /// What does not depend on the kind of program; each type allows some of them.
  public static let base: [Helper] = [
    mapLookup, mapUpdate, mapDelete, mapLookupPerCPU,
  ]
}
