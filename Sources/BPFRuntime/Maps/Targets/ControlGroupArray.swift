// UNSAFE. Finds the map behind an address.
//
// Invariant: a map of type `controlGroupArray` is always a `ControlGroupArray`.

/// CGROUP_ARRAY (maps-and-helpers.md 11.18): slots of control groups.
package final class ControlGroupArray: ObjectArray<ControlGroup>, @unchecked Sendable {
  // Sendable: the slots are.

  init(definition: MapDefinition, id: UInt32, epochs: Epochs) throws(LinuxError) {
    try super.init(definition: definition, id: id, epochs: epochs)
  }

  /// Calls `body` with the array at a map's address; `nil` when the map is of another type.
  @inline(__always)
  static func with<Result>(_ address: UInt64, _ body: (ControlGroupArray) -> Result) -> Result? {
    MapHeader.withMap(at: address) { map in
      guard map.definition.type == .controlGroupArray else { return nil }
      return unsafe body(unsafeDowncast(map, to: ControlGroupArray.self))
    }
  }
}

/// A group of processes as programs ask about it: who belongs to it is for the embedder to say.
public final class ControlGroup: Sendable {
  /// What a program asks about.
  public enum Member: Hashable, Sendable {
    /// Whoever runs the program, on the CPU of this number.
    case currentTask(cpu: Int)
    /// The socket that the packet on the CPU of this number belongs to.
    case packet(cpu: Int)
  }

  let contains: @Sendable (Member) -> Bool

  /// Describes a group.
  ///
  /// - Parameter contains: Whether somebody belongs to the group or one below it. Called in the
  ///   middle of a run, on its thread.
  public init(contains: @escaping @Sendable (Member) -> Bool) {
    self.contains = contains
  }
}

extension MapHandle {
  /// Puts a group into a slot of a CGROUP_ARRAY, or empties it.
  ///
  /// - Throws: EINVAL when the map is of another type, E2BIG when there is no such slot, EPERM on a
  ///   read-only or frozen map.
  public func setControlGroup(_ group: ControlGroup?, at index: UInt32) throws(LinuxError) {
    guard let map = map as? ControlGroupArray else { throw .invalid }
    guard !definition.flags.contains(.readOnly), !map.isFrozen else { throw .notPermitted }
    if let error = map.set(group, at: index) { throw error }
  }
}
