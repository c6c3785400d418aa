import BPFRuntime

extension ChainGraph {
  /// How many hops a run can make.
  public enum Depth: Hashable, Sendable {
    /// At most so many.
    case hops(Int)
    /// There is a loop, so as many as the budget allows: 33.
    case budget
  }

  /// Something about the chain that is probably not meant.
  public enum Problem: Hashable, Sendable {
    /// A slot that code asks for by a constant holds nothing.
    case emptySlot(EmptySlot)
    /// Code asks for an index that the array does not have.
    case outOfRange(EmptySlot)
    /// Only a tail call could start the program, and none does.
    case unreachable(program: String)
    /// The longest way is longer than the budget.
    case tooDeep(hops: Int)
    /// Programs that share the array are of different kinds (tail-calls.md R3.4).
    case incompatible(array: String, program: String, with: String, reason: String)
    /// The program cannot be used, but is in a slot.
    case refused(program: String, reason: String)
  }

  /// The programs of each loop, in the order of the object; a program that calls itself is one.
  public var loops: [[String]] {
    let successors = successors
    let names = programs.map(\.name)
    let reach = Dictionary(
      names.map { ($0, Self.reachable(from: $0, successors)) }, uniquingKeysWith: { $0.union($1) })
    var seen: Set<String> = []
    return names.compactMap { name in
      guard !seen.contains(name), reach[name]?.contains(name) == true else { return nil }
      let loop = names.filter { other in
        reach[name]?.contains(other) == true && reach[other]?.contains(name) == true
      }
      seen.formUnion(loop)
      return loop
    }
  }

  /// What can be reached from a program by one hop or more.
  private static func reachable(
    from name: String, _ successors: [String: [String]]
  ) -> Set<String> {
    var reached: Set<String> = []
    var waiting = successors[name] ?? []
    while let next = waiting.popLast() {
      if reached.insert(next).inserted { waiting += successors[next] ?? [] }
    }
    return reached
  }

  /// The longest way from an entry.
  public var depth: Depth {
    let looping = Set(loops.joined())
    let successors = successors
    if programs.contains(where: { $0.isReachable && looping.contains($0.name) }) { return .budget }
    var longest: [String: Int] = [:]
    // Without loops, programs that only lead to known ones become known, level by level.
    var waiting = Set(programs.map(\.name)).union(successors.values.joined())
    while !waiting.isEmpty {
      let ready = waiting.filter { name in
        (successors[name] ?? []).allSatisfy { longest[$0] != nil }
      }
      guard !ready.isEmpty else { break }
      for name in ready {
        longest[name] =
          (successors[name] ?? []).compactMap { longest[$0] }.max().map { $0 + 1 } ?? 0
      }
      waiting.subtract(ready)
    }
    return .hops(entries.compactMap { longest[$0] }.max() ?? 0)
  }

  /// What is probably not meant.
  public var problems: [Problem] {
    var problems: [Problem] = emptySlots.map { slot in
      let size = arrays.first { $0.name == slot.array }?.size ?? 0
      return slot.index < size ? .emptySlot(slot) : .outOfRange(slot)
    }
    problems += unreachable.map { .unreachable(program: $0) }
    if case .hops(let hops) = depth, hops > Int(Limits.tailCalls) {
      problems.append(.tooDeep(hops: hops))
    }
    for array in arrays { problems += incompatibilities(of: array) }
    problems += programs.compactMap { program in
      guard let refusal = program.refusal, !program.slots.isEmpty else { return nil }
      return .refused(program: program.name, reason: refusal)
    }
    return problems
  }

  /// Programs in an array, or with calls through it, that do not go with the first one.
  private func incompatibilities(of array: Array) -> [Problem] {
    let members = programs.filter { program in
      program.refusal == nil
        && (program.slots.contains { $0.array == array.name }
          || program.sites.contains { $0.array == array.name })
    }
    guard let first = members.first else { return [] }
    return members.dropFirst().compactMap { member in
      guard let reason = Self.difference(first, member) else { return nil }
      return .incompatible(
        array: array.name, program: member.name, with: first.name, reason: reason)
    }
  }

  private static func difference(_ one: Program, _ other: Program) -> String? {
    if one.type != other.type { return "\(other.type) is not \(one.type)" }
    if one.traits.expectedAttachType != other.traits.expectedAttachType {
      return "attach type \(other.traits.expectedAttachType) is not"
        + " \(one.traits.expectedAttachType)"
    }
    if one.traits.hasFragments != other.traits.hasFragments {
      return "only one is for packets in fragments"
    }
    return one.traits.isSleepable != other.traits.isSleepable ? "only one may sleep" : nil
  }
}

extension ChainGraph.Problem: CustomStringConvertible {
  /// One line, as in `layers[3] is empty, but called from ethernet`.
  public var description: String {
    switch self {
    case .emptySlot(let slot):
      return "\(slot.array)[\(slot.index)] is empty, but called from"
        + " \(slot.callers.joined(separator: ", "))"
    case .outOfRange(let slot):
      return "\(slot.array)[\(slot.index)] does not exist, but is called from"
        + " \(slot.callers.joined(separator: ", "))"
    case .unreachable(let program): return "no tail call reaches \(program)"
    case .tooDeep(let hops):
      return "the longest way has \(hops) hops; a run makes at most \(Limits.tailCalls)"
    case .incompatible(let array, let program, let other, let reason):
      return "\(program) and \(other) cannot share \(array): \(reason)"
    case .refused(let program, let reason): return "\(program) cannot be used: \(reason)"
    }
  }
}

extension ChainGraph.Depth: CustomStringConvertible {
  /// As in `at most 3 hops`.
  public var description: String {
    switch self {
    case .hops(let hops): "at most \(hops) \(hops == 1 ? "hop" : "hops")"
    case .budget: "a loop, so up to \(Limits.tailCalls) hops"
    }
  }
}
