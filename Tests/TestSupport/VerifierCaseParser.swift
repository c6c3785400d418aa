/// Reads the format of `Fixtures/verifier` line after line.
struct VerifierCaseParser {
  let file: String
  private var cases: [VerifierCase] = []
  private var names: Set<String> = []
  private var number = 0
  /// What the lines before the first case say, which holds for all of the file.
  private var defaults: VerifierCase
  private var current: VerifierCase
  private var place = Place.head

  private enum Place {
    case head
    case facts
    case code
    case done
  }

  init(file: String) {
    self.file = file
    defaults = VerifierCase(group: String(file.dropLast(3)), name: "", line: 0)
    current = defaults
  }

  mutating func take(_ line: String) throws {
    number += 1
    guard line.hasPrefix("-- ") else {
      if place == .code {
        current.assembly += line + "\n"
      } else if !line.isEmpty, !line.hasPrefix("#") {
        guard place != .done else { throw error("this line is in no case") }
        try takeFact(line)
      }
      return
    }
    let words = line.dropFirst(3).split(separator: " ", maxSplits: 1).map(String.init)
    switch words.first {
    case "case" where words.count == 2: try begin(words[1])
    case "code" where place == .facts: place = .code
    case "accept" where place == .code: try end(.accept(returnValue: try value(words.dropFirst())))
    case "reject" where place == .code: try end(Self.rejection(words.dropFirst().first ?? ""))
    default: throw error("'\(line)' is unknown or in the wrong place")
    }
  }

  func finish() throws -> [VerifierCase] {
    guard place == .done || place == .head else { throw error("the last case has no verdict") }
    return cases
  }

  private mutating func begin(_ name: String) throws {
    switch place {
    case .head: defaults = current
    case .done: current = defaults
    default: throw error("the case before this has no verdict")
    }
    guard names.insert(name).inserted else { throw error("the name is there twice") }
    current.name = name
    current.line = number
    place = .facts
  }

  private mutating func end(_ verdict: VerifierCase.Verdict) throws {
    current.verdict = verdict
    current.verdictLine = number
    cases.append(current)
    place = .done
  }

  private func value(_ words: ArraySlice<String>) throws -> UInt32? {
    guard let word = words.first else { return nil }
    guard current.packet != nil else { throw error("a return value without 'run'") }
    guard word.hasPrefix("0x"), let value = UInt32(word.dropFirst(2), radix: 16) else {
      throw error("'\(word)' is no return value")
    }
    return value
  }

  private static func rejection(_ text: String) -> VerifierCase.Verdict {
    guard let colon = text.firstIndex(of: ":") else { return .reject(errno: text, message: "") }
    return .reject(
      errno: String(text[..<colon]), message: String(text[colon...].dropFirst(2)))
  }

  private mutating func takeFact(_ line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    switch words[0] {
    case "type" where words.count == 2: try takeType(words[1])
    case "attach" where words.count == 2:
      guard LinuxNames.attachTypes[words[1]] != nil else { throw error("unknown attach type") }
      current.attachType = words[1]
    case "sleepable" where words.count == 1: current.isSleepable = true
    case "strict" where words.count == 1: current.isStrict = true
    case "license" where words.count == 2: current.license = words[1]
    case "map" where words.count >= 3: try takeMap(words)
    case "value" where words.count == 4: try takeValue(words)
    case "function": try takeFunction(line)
    case "run" where words.count <= 2:
      current.packet = try words.count == 2 ? bytes(words[1]) : VerifierCase.defaultPacket
    default: throw error("'\(line)' is no fact of a case")
    }
  }

  private mutating func takeType(_ name: String) throws {
    guard LinuxNames.programTypes.contains(name) else { throw error("unknown program type") }
    current.programType = name
  }

  private mutating func takeMap(_ words: [String]) throws {
    guard LinuxNames.mapTypes.contains(words[2]) else { throw error("unknown map type") }
    var map = VerifierCase.Map(name: words[1], type: words[2])
    for word in words.dropFirst(3) {
      let parts = word.split(separator: "=").map(String.init)
      let size = parts.count == 2 ? UInt32(parts[1]) : nil
      switch (parts[0], size) {
      case ("frozen", nil): map.isFrozen = true
      case ("key", let size?): map.keySize = size
      case ("value", let size?): map.valueSize = size
      case ("entries", let size?): map.maxEntries = size
      case ("lock", let offset?): map.lockOffset = offset
      case ("timer", let offset?): map.timerOffset = offset
      case (let flag, nil):
        guard let bits = LinuxNames.mapFlags[flag] else { throw error("unknown '\(word)'") }
        map.flags |= bits
      default: throw error("unknown '\(word)'")
      }
    }
    current.maps.removeAll { $0.name == map.name }
    current.maps.append(map)
  }

  private mutating func takeValue(_ words: [String]) throws {
    guard let index = current.maps.firstIndex(where: { $0.name == words[1] }),
      let element = UInt32(words[2])
    else { throw error("a value wants a map that is declared before, and an index") }
    current.maps[index].values[element] = try bytes(words[3])
  }

  /// Takes `function static work: int(context, u64)`.
  private mutating func takeFunction(_ line: String) throws {
    let parts = line.split { " :(),".contains($0) }.map(String.init)
    guard parts.count >= 4, ["static", "global"].contains(parts[1]) else {
      throw error("expected 'function static name: int(context)'")
    }
    current.functions.append(
      VerifierCase.Function(
        name: parts[2], isGlobal: parts[1] == "global", result: try valueType(parts[3]),
        parameters: try parts.dropFirst(4).map { try valueType($0) }))
  }

  private func valueType(_ name: String) throws -> VerifierCase.ValueType {
    switch name {
    case "void": return .void
    case "int": return .int
    case "u8": return .unsigned(byteCount: 1)
    case "u32": return .unsigned(byteCount: 4)
    case "u64": return .unsigned(byteCount: 8)
    case "context": return .context
    default:
      // `memory8` may be null, `memory8!` never is.
      let digits = name.dropFirst("memory".count).prefix { $0 != "!" }
      guard name.hasPrefix("memory"), let count = UInt32(digits) else {
        throw error("unknown type '\(name)'")
      }
      return .memory(byteCount: count, isNonNull: name.hasSuffix("!"))
    }
  }

  private func bytes(_ digits: String) throws -> [UInt8] {
    let digits = Array(digits)
    guard digits.count.isMultiple(of: 2) else { throw error("half a byte") }
    return try stride(from: 0, to: digits.count, by: 2).map { index in
      guard let byte = UInt8(String(digits[index...(index + 1)]), radix: 16) else {
        throw error("'\(digits[index])\(digits[index + 1])' is no byte")
      }
      return byte
    }
  }

  private func error(_ what: String) -> VerifierCase.FormatError {
    VerifierCase.FormatError(description: "\(file):\(number): \(what)")
  }
}
