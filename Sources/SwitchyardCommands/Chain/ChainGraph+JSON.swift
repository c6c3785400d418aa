import Switchyard

extension ChainGraph {
  /// The document of `chain show -j`.
  func document(object: String) -> JSON {
    .object([
      ("schema", .string("switchyard.chain/1")), ("object", .string(object)),
      ("programs", .array(programs.map { document(of: $0) })),
      ("arrays", .array(arrays.map(\.document))),
      (
        "empty_slots",
        .array(
          emptySlots.map { slot in
            .object([
              ("array", .string(slot.array)), ("index", .integer(Int(slot.index))),
              ("callers", .array(slot.callers.map { .string($0) })),
            ])
          })
      ),
      ("unreachable", .array(unreachable.map { .string($0) })),
      ("loops", .array(loops.map { .array($0.map { .string($0) }) })),
      ("max_hops", .integer(maxHops)),
      ("problems", .array(problems.map { .string("\($0)") })),
      ("generation", JSON(generation.map { Int(clamping: $0) })),
    ])
  }

  /// The budget where there is a loop.
  private var maxHops: Int {
    switch depth {
    case .hops(let hops): hops
    case .budget: Int(Limits.tailCalls)
    }
  }

  private func document(of program: Program) -> JSON {
    var members: [(key: String, value: JSON)] = [
      ("program", .string(program.name)), ("type", .string(program.type)),
      (
        "slots",
        .array(
          program.slots.map {
            .object([("array", .string($0.array)), ("index", .integer(Int($0.index)))])
          })
      ),
      ("reachable", .boolean(program.isReachable)),
      ("tail_calls", .array(program.sites.map { document(of: $0) })),
    ]
    if let refusal = program.refusal { members.append(("refused", .string(refusal))) }
    return .object(members)
  }

  private func document(of site: Site) -> JSON {
    .object([
      ("insn", .integer(site.instruction)), ("function", .string(site.function)),
      ("file", JSON(site.line?.path)), ("line", JSON(site.line?.line)),
      ("array", JSON(site.array)), ("index", JSON(site.index.map { Int($0) })),
      ("targets", .array(targets(of: site).map { .string($0) })),
      ("uses", .array(site.uses.map(\.document))),
    ])
  }
}

extension ChainGraph.Use {
  fileprivate var document: JSON {
    .object([
      ("array", .string(array)), ("index", .integer(Int(index))), ("target", JSON(target)),
      ("tail_calls", counts.document),
    ])
  }
}

extension ChainGraph.Array {
  fileprivate var document: JSON {
    .object([
      ("array", .string(name)), ("max_entries", .integer(Int(size))),
      (
        "slots",
        .array(
          slots.sorted { $0.key < $1.key }.map { index, program in
            .object([("index", .integer(Int(index))), ("program", .string(program))])
          })
      ),
    ])
  }
}
