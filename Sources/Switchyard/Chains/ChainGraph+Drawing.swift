import BPFRuntime

extension ChainGraph {
  /// An arrow in a drawing: from a program through a slot, or through any slot of an array.
  private struct Edge {
    var source: String
    /// `nil` for a miss.
    var target: String?
    var label: String
    var isMiss = false
  }

  /// The graph for Graphviz.
  public func dot() -> String {
    var lines = ["digraph chain {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    for program in programs {
      var attributes = ["label=\(Self.quoted(program.name))"]
      if program.slots.isEmpty { attributes.append("peripheries=2") }
      if !program.isReachable || program.refusal != nil { attributes.append("style=dotted") }
      lines.append(
        "  \(Self.quoted(program.name)) [\(attributes.joined(separator: ", "))];")
    }
    for (number, edge) in edges.enumerated() {
      var target = "miss\(number)"
      if let name = edge.target {
        target = Self.quoted(name)
      } else {
        lines.append("  \(target) [label=\"fall through\", shape=plaintext, fontcolor=red];")
      }
      let style = edge.isMiss ? ", style=dashed, color=red" : ""
      lines.append(
        "  \(Self.quoted(edge.source)) -> \(target) [label=\(Self.quoted(edge.label))\(style)];")
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  /// The graph as a Mermaid flowchart.
  public func mermaid() -> String {
    var lines = ["flowchart LR"]
    let identifiers = Dictionary(
      programs.enumerated().map { ($1.name, "p\($0)") }, uniquingKeysWith: { first, _ in first })
    for program in programs {
      let text = Self.mermaidText(program.name)
      let shape = program.slots.isEmpty ? "([\(text)])" : "[\(text)]"
      lines.append("  \(identifiers[program.name] ?? "p")\(shape)")
    }
    for (number, edge) in edges.enumerated() {
      let source = identifiers[edge.source] ?? "p"
      let target =
        edge.target.map { identifiers[$0] ?? "other\(number)[\(Self.mermaidText($0))]" }
        ?? "miss\(number)>fall through]"
      let arrow = edge.isMiss ? "-.->" : "-->"
      lines.append("  \(source) \(arrow)|\(Self.mermaidText(edge.label))| \(target)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var edges: [Edge] {
    programs.flatMap { program in program.sites.flatMap { edges(of: $0, in: program.name) } }
  }

  private func edges(of site: Site, in program: String) -> [Edge] {
    let place = site.line.map { " :\($0.line)" } ?? ""
    var edges: [Edge] = []
    var drawn: Set<Slot> = []
    for use in site.uses {
      drawn.insert(Slot(array: use.array, index: use.index))
      let slot = "\(use.array)[\(use.index)]\(place)"
      if let target = use.target {
        edges.append(
          Edge(source: program, target: target, label: "\(slot) \(use.counts.taken)"))
      }
      if use.counts.missed > 0 {
        edges.append(
          Edge(
            source: program, target: nil, label: "\(slot) \(use.counts.missed) missed",
            isMiss: true))
      }
    }
    for array in arrays where site.array == nil || site.array == array.name {
      let slots = array.slots.filter { site.index == nil || $0.key == site.index }
      for (index, target) in slots.sorted(by: { $0.key < $1.key }) {
        guard drawn.insert(Slot(array: array.name, index: index)).inserted else { continue }
        edges.append(
          Edge(source: program, target: target, label: "\(array.name)[\(index)]\(place)"))
      }
    }
    if edges.isEmpty {
      let slot = "\(site.array ?? "?")[\(site.index.map { "\($0)" } ?? "*")]\(place)"
      edges.append(Edge(source: program, target: nil, label: slot, isMiss: true))
    }
    return edges
  }

  // Names come out of a file: nothing in them may end the text that they stand in.
  private static func quoted(_ text: String) -> String {
    "\"" + String(text.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }) + "\""
  }

  private static func mermaidText(_ text: String) -> String {
    "\"" + String(text.filter { !$0.isNewline && $0 != "`" }).replacing("\"", with: "#quot;") + "\""
  }
}
