/// Columns of text with the widths that their cells need.
struct TextTable {
  enum Alignment {
    case left
    case right
  }

  /// A cell; its colour does not count for its width.
  struct Cell {
    var text: String
    var paint: (String) -> String = { $0 }

    init(_ text: String, _ paint: @escaping (String) -> String = { $0 }) {
      self.text = text
      self.paint = paint
    }
  }

  private let columns: [Alignment]
  private var rows: [[Cell]] = []
  private let indentation: String

  init(_ columns: [Alignment], indentation: Int = 0) {
    self.columns = columns
    self.indentation = String(repeating: " ", count: indentation)
  }

  mutating func add(_ cells: [Cell]) {
    rows.append(cells)
  }

  mutating func add(_ cells: String...) {
    rows.append(cells.map { Cell($0) })
  }

  /// One line per row, without trailing spaces.
  var lines: [String] {
    let widths = columns.indices.map { column in
      rows.map { column < $0.count ? $0[column].text.count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = indentation
      for (column, cell) in row.enumerated() {
        let isLast = row[(column + 1)...].allSatisfy(\.text.isEmpty)
        let padding = String(repeating: " ", count: max(0, widths[column] - cell.text.count))
        let painted = cell.paint(cell.text)
        switch columns[column] {
        case .right: line += padding + painted
        case .left: line += isLast ? painted : painted + padding
        }
        if isLast { break }
        line += "  "
      }
      return line
    }
  }
}
