/// A JSON document; objects keep the order of their keys.
indirect enum JSON {
  case null
  case boolean(Bool)
  case integer(Int)
  case string(String)
  /// An array of strings, `["0x00", "0x1f"]`, as `bpftool` writes bytes.
  case bytes([UInt8])
  case array([JSON])
  case object([(key: String, value: JSON)])

  /// A string, or null.
  init(_ text: String?) {
    self = text.map { .string($0) } ?? .null
  }

  /// A number, or null.
  init(_ number: Int?) {
    self = number.map { .integer($0) } ?? .null
  }

  /// The document's text; `isPretty` gives every element a line of its own.
  func text(isPretty: Bool) -> String {
    var text = ""
    write(to: &text, indentation: isPretty ? 0 : nil)
    return text
  }

  private func write(to text: inout String, indentation: Int?) {
    switch self {
    case .null: text += "null"
    case .boolean(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .string(let value): Self.quote(value, to: &text)
    case .bytes(let bytes):
      text += "["
      for (position, byte) in bytes.enumerated() {
        text += position == 0 ? "\"0x" : indentation == nil ? ",\"0x" : ", \"0x"
        text += byte.hexadecimal
        text += "\""
      }
      text += "]"
    case .array(let elements):
      Self.write(elements, "[", "]", to: &text, indentation) { element, text, inner in
        element.write(to: &text, indentation: inner)
      }
    case .object(let members):
      Self.write(members, "{", "}", to: &text, indentation) { member, text, inner in
        Self.quote(member.key, to: &text)
        text += inner == nil ? ":" : ": "
        member.value.write(to: &text, indentation: inner)
      }
    }
  }

  private static func write<Element>(
    _ elements: [Element], _ open: String, _ close: String, to text: inout String,
    _ indentation: Int?, _ body: (Element, inout String, Int?) -> Void
  ) {
    text += open
    let inner = indentation.map { $0 + 2 }
    for (position, element) in elements.enumerated() {
      if position > 0 { text += "," }
      if let inner { text += "\n" + String(repeating: " ", count: inner) }
      body(element, &text, inner)
    }
    if let indentation, !elements.isEmpty {
      text += "\n" + String(repeating: " ", count: indentation)
    }
    text += close
  }

  private static func quote(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        text += "\\u00" + UInt8(truncatingIfNeeded: scalar.value).hexadecimal
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
