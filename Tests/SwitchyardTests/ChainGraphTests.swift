import Switchyard
import TestSupport
import Testing

@Suite("The chain as a graph")
struct ChainGraphTests {
  static func object(_ path: String) throws -> ObjectFile {
    try ObjectFile(bytes: Fixtures.bytes(ofFile: Fixtures.path(path)), name: "test")
  }

  @Test("calls have the array and index that the verifier found, and their source line")
  func sites() throws {
    let graph = ChainGraph(try Self.object("objects/steps.bpf.o"))
    let again = try #require(graph.programs.first { $0.name == "again" })
    let site = try #require(again.sites.first)
    #expect(site.array == "steps")
    #expect(site.index == 1)
    #expect(site.line?.line == 64)
    #expect(graph.targets(of: site) == ["again"])
    #expect(graph.loops == [["again"]])
    #expect(graph.depth == .budget)
    #expect(graph.problems.map(\.description) == ["steps[3] is empty, but called from spare"])
    #expect(graph.generation == nil)
  }

  @Test("what is loaded shows its slots of now, and its counts")
  func live() throws {
    let runtime = Runtime()
    let collection = try Collection(loading: Self.object("objects/steps.bpf.o"), into: runtime)
    let steps = try collection.map("steps").handle
    let mark = try collection.program("mark").program
    var change = runtime.beginTransaction()
    try change.set(mark, in: steps, at: 3)
    try change.clear(steps, at: 1)
    try change.commit()
    var graph = ChainGraph(collection)
    #expect(graph.generation == 2)
    #expect(graph.arrays.first?.slots == [0: "mark", 3: "mark"])
    #expect(graph.loops.isEmpty)
    #expect(graph.depth == .hops(1))
    #expect(graph.problems.contains { "\($0)" == "steps[1] is empty, but called from again" })
    let cpu = try runtime.makeCPU()
    cpu.recordsTailCalls = true
    let spare = try collection.program("spare").program
    let context = try PacketContext(type: .xdp)
    try context.load([UInt8](repeating: 0, count: 64))
    for _ in 0..<3 {
      _ = try cpu.run(spare, in: context)
      graph.add(cpu.tailCalls, sites: [spare.id: spare.tailCallSites])
    }
    let use = try #require(graph.programs.first { $0.name == "spare" }?.sites.first?.uses.first)
    #expect(use.target == "mark")
    #expect(use.counts == TailCallCounts(taken: 3))
    #expect(graph.dot().contains("\"spare\" -> \"mark\" [label=\"steps[3] :70 3\"]"))
    #expect(graph.mermaid().contains("-->|\"steps[3] :70 3\"|"))
  }

  @Test("drawings name every program and every way, and mark misses")
  func drawings() throws {
    let graph = ChainGraph(try Self.object("objects/steps.bpf.o"))
    let dot = graph.dot()
    #expect(dot.hasPrefix("digraph chain {\n"))
    for program in graph.programs { #expect(dot.contains("\"\(program.name)\" [label=")) }
    #expect(dot.contains("\"start\" -> \"mark\""))
    #expect(dot.contains("style=dashed, color=red"))
    #expect(graph.mermaid().hasPrefix("flowchart LR\n"))
  }
}
