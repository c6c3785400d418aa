/// Why chains were not changed. Nothing is, when one of these is thrown.
public enum ChainError: Error, Hashable, Sendable {
  /// Only arrays of programs have slots.
  case notAnArray(map: String)
  /// Slots are changed by program, not by value.
  case arrayOfPrograms(map: String)
  /// The map, program or entry point belongs to another runtime.
  case foreign(name: String)
  /// The index is not below the array's size.
  case noSuchSlot(array: String, index: UInt32, count: UInt32)
  /// The map is read-only for user space, or frozen.
  case notWritable(map: String)
  /// The array belongs to programs of another kind (tail-calls.md R3.4), or the program cannot be
  /// stored in any (R2.15).
  case incompatible(program: String, array: String, index: UInt32, reason: String)
  /// Somebody changed the slot after the transaction had begun.
  case conflict(Conflict)
  /// A staged value cannot be written.
  case value(map: String, error: LinuxError)
  /// The generation is not kept; these are.
  case noSuchGeneration(UInt64, kept: [UInt64])
  /// The system has no memory for the new slots.
  case noMemory

  /// A slot that changed behind a transaction's back.
  public struct Conflict: Hashable, Sendable {
    /// Name of the array, or of the entry point.
    public let array: String
    /// Index in the array.
    public let index: UInt32
    /// Name of the program in the slot; `nil` when it is empty.
    public let found: String?
    /// The generation that the transaction began with.
    public let base: UInt64
    /// The generation that is current.
    public let current: UInt64
  }
}

extension ChainError: CustomStringConvertible {
  /// One line: what, and why.
  public var description: String {
    switch self {
    case .notAnArray(let map): return "map \(map) is no array of programs"
    case .arrayOfPrograms(let map):
      return "map \(map) is an array of programs: stage its slots, not values"
    case .foreign(let name): return "\(name) belongs to another runtime"
    case .noSuchSlot(let array, let index, let count):
      return "\(array)[\(index)]: the array has \(count) slots"
    case .notWritable(let map): return "map \(map) is read-only or frozen"
    case .incompatible(let program, let array, let index, let reason):
      return "\(array)[\(index)]: program \(program) cannot be stored: \(reason)"
    case .conflict(let conflict):
      let found = conflict.found.map { "program \($0)" } ?? "nothing"
      return "\(conflict.array)[\(conflict.index)] was changed by somebody else and holds \(found)"
        + " now; the transaction began with generation \(conflict.base),"
        + " current is \(conflict.current)"
    case .value(let map, let error): return "map \(map): the value cannot be written: \(error)"
    case .noSuchGeneration(let number, let kept):
      let kept = kept.isEmpty ? "none" : kept.map { "\($0)" }.joined(separator: ", ")
      return "generation \(number) is not kept; kept: \(kept)"
    case .noMemory: return "no memory for the new slots"
    }
  }
}

extension ArrayOwner {
  /// Why an array of this owner does not admit a program like `other`; `nil` when it does.
  func refusal(of other: ArrayOwner) -> String? {
    guard !admits(other) else { return nil }
    if other.overridesReturn, !isEntryPoint {
      return "it calls bpf_override_return, which nobody expects behind a tail call"
    }
    if type != other.type {
      let names = [type, other.type].map { ProgramType.name(ofNumber: $0) ?? "type \($0)" }
      return "the array belongs to programs of type \(names[0]), this one is of type \(names[1])"
    }
    if isCompiled != other.isCompiled {
      let names = [isCompiled, other.isCompiled].map { $0 ? "compiled" : "interpreted" }
      return "the array belongs to \(names[0]) programs, this one is \(names[1])"
    }
    if traits.expectedAttachType != other.traits.expectedAttachType {
      return "the array belongs to programs of attach type \(traits.expectedAttachType),"
        + " this one has \(other.traits.expectedAttachType)"
    }
    if traits.hasFragments != other.traits.hasFragments {
      return "only one of array and program is for XDP packets in fragments"
    }
    if traits.isSleepable != other.traits.isSleepable {
      return "only one of array and program is for programs that sleep"
    }
    if context !== other.context { return "the contexts are described differently" }
    if !sharesStorages(with: other) { return "the values of the control group are of other maps" }
    return "the hooks have different prototypes"
  }
}
