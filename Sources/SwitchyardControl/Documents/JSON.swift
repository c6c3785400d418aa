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
