import Switchyard

/// The contents of maps for people.
struct MapText {
  let style: Style
  /// Elements of one map that are shown.
  var limit = Int.max
  /// Whether elements of zeros are left out: arrays always have all their elements.
  var omitsZeros = false

  func lines(_ map: MapContents) -> [String] {
    let shown = map.entries.filter { !omitsZeros || !isZero($0, in: map) }
    let omitted = map.entries.count - shown.count
    var note = map.entries.count.counted("element")
    if omitted > 0 { note += ", \(omitted.grouped) of zeros not shown" }
    var lines = ["\(style.bold(map.name.printable)) \(style.dim("\(map.type), \(note)"))"]
    for entry in shown.prefix(limit) {
      lines += self.lines(entry, in: map)
    }
    if shown.count > limit {
      lines.append("  ... and \((shown.count - limit).grouped) more")
    }
    return lines
  }

  private func lines(_ entry: MapContents.Entry, in map: MapContents) -> [String] {
    if let program = entry.program {
      return ["  [\(number(entry.key))] \(style.cyan(program.printable))"]
    }
    if let inner = entry.inner {
      return ["  key \(hexadecimal(entry.key))  \(style.cyan(inner.printable))"]
    }
    // Queues and stacks have no keys.
    let key =
      entry.key.isEmpty
      ? "next" : map.type.hasIndex ? "[\(number(entry.key))]" : "key \(hexadecimal(entry.key))"
    guard map.isPerCPU else {
      return ["  \(key)  \(value(entry.values.first ?? []))"]
    }
    return entry.values.enumerated().map { cpu, bytes in
      "  \(key)  cpu \(cpu)  \(value(bytes))"
    }
  }

  private func isZero(_ entry: MapContents.Entry, in map: MapContents) -> Bool {
    map.type.hasIndex && entry.program == nil
      && entry.values.allSatisfy { $0.allSatisfy { $0 == 0 } }
  }

  /// The bytes; behind them the number, where it can be one.
  private func value(_ bytes: [UInt8]) -> String {
    let text = hexadecimal(bytes)
    return [1, 2, 4, 8].contains(bytes.count)
      ? "\(text)  \(style.dim("= " + String(number(bytes))))" : text
  }

  private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map(\.hexadecimal).joined(separator: " ")
  }

  private func number(_ bytes: [UInt8]) -> UInt64 {
    bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension MapType {
  /// Whether keys are indices.
  var hasIndex: Bool { [2, 3, 6].contains(rawValue) }
}
