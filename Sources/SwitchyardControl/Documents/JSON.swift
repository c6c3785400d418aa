import FoundationEssentials

/// JSON with keys in a fixed order, and words in them joined by underscores as `bpftool` does it.
package func encoded(
  _ value: some Encodable, isPretty: Bool = false
) throws(ControlError) -> [UInt8] {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting =
    isPretty
    ? [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    : [.sortedKeys, .withoutEscapingSlashes]
  do {
    return [UInt8](try encoder.encode(value))
  } catch {
    throw ControlError(.unavailable, "cannot write JSON: \(error)")
  }
}

/// Reads what ``encoded(_:isPretty:)`` writes.
func decoded<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(type, from: Data(bytes))
}

/// What is wrong with JSON, in words.
func reason(of error: any Error) -> String {
  func place(_ path: [any CodingKey]) -> String {
    let names = path.map { key in key.intValue.map { "[\($0)]" } ?? ".\(key.stringValue)" }
    let text = names.joined()
    return text.hasPrefix(".") ? String(text.dropFirst()) : text
  }
  switch error as? DecodingError {
  case .keyNotFound(let key, let context):
    return "\(place(context.codingPath + [key])) is missing"
  case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
    if context.codingPath.isEmpty {
      // The parser does not say where a number does not fit.
      guard case .dataCorrupted = error as? DecodingError else { return context.debugDescription }
      return "it is not JSON, or a number in it is out of range"
    }
    return "\(place(context.codingPath)): \(context.debugDescription)"
  default: return "\(error)"
  }
}
