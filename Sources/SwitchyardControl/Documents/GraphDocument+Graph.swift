package import Switchyard

extension GraphDocument {
  /// Describes a graph of programs that are loaded.
  package init(_ graph: ChainGraph, generation: UInt64, entry: String) {
    self.init(
      generation: generation, entry: entry, programs: graph.programs.map { Program($0) },
      arrays: graph.arrays.map { array in
        Array(
          array: array.name, id: array.id, maxEntries: array.size,
          slots: array.slots.sorted { $0.key < $1.key }.map { Slot(index: $0, program: $1) })
      })
  }

  /// The graph that is described, with all that follows from it.
  package var graph: ChainGraph {
    ChainGraph(
      programs: programs.map(\.described),
      arrays: arrays.map { array in
        ChainGraph.Array(
          name: array.array, id: array.id, size: array.maxEntries,
          slots: Dictionary(
            array.slots.map { ($0.index, $0.program) }, uniquingKeysWith: { first, _ in first }))
      }, generation: generation, entry: entry)
  }
}

extension GraphDocument.Program {
  fileprivate init(_ program: ChainGraph.Program) {
    self.init(
      program: program.name, id: program.id, type: program.type,
      tailCalls: program.sites.map { GraphDocument.Site($0) })
  }

  fileprivate var described: ChainGraph.Program {
    ChainGraph.Program(name: program, id: id, type: type, sites: tailCalls.map(\.described))
  }
}

extension GraphDocument.Site {
  fileprivate init(_ site: ChainGraph.Site) {
    self.init(
      insn: site.instruction, function: site.function, file: site.line?.path,
      line: site.line?.line, array: site.array, index: site.index,
      uses: site.uses.map { use in
        GraphDocument.Use(
          array: use.array, index: use.index, target: use.target,
          tailCalls: GraphDocument.Counts(
            taken: use.counts.taken, empty: use.counts.empty, outOfRange: use.counts.outOfRange,
            limit: use.counts.limit))
      })
  }

  fileprivate var described: ChainGraph.Site {
    var place: LineInfo?
    if let file, let line {
      place = LineInfo(slot: insn, file: file, line: line, column: 0, text: "")
    }
    return ChainGraph.Site(
      instruction: insn, function: function, line: place, array: array, index: index,
      uses: uses.map { use in
        var counts = TailCallCounts()
        counts.taken = use.tailCalls.taken
        counts.empty = use.tailCalls.empty
        counts.outOfRange = use.tailCalls.outOfRange
        counts.limit = use.tailCalls.limit
        return ChainGraph.Use(
          array: use.array, index: use.index, target: use.target, counts: counts)
      })
  }
}
