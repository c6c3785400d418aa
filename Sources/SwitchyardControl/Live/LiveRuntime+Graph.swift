import Switchyard

extension LiveRuntime {
  /// The chain as a graph: what each call site can reach, with the misses so far, and with the hops
  /// if the traffic counts them.
  package func graph(_ traffic: Traffic?) throws(ControlError) -> GraphDocument {
    let counts = traffic?.hops ?? samples.counts
    return try locked { state throws(ControlError) in
      let collections = state.objects.sorted { $0.key < $1.key }.map(\.value.collection)
      let entry = try state.program(state.current.entry)
      var graph = ChainGraph(collections, entry: entry)
      let sites = Dictionary(
        collections.flatMap(\.programs).map { ($0.program.id, $0.program.tailCallSites) },
        uniquingKeysWith: { first, _ in first })
      // In a fixed order, so that the same counts make the same document.
      let records = counts.counts.sorted { one, other in
        let (one, other) = (one.key, other.key)
        return (one.programID, one.site, one.arrayID, one.index)
          < (other.programID, other.site, other.arrayID, other.index)
      }
      for (record, count) in records { graph.add([record], sites: sites, count: count) }
      return GraphDocument(
        graph, generation: state.current.number, entry: graph.entries.first ?? entry.name)
    }
  }
}
