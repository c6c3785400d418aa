import SwitchyardControl

/// Arguments in `bpftool`'s way: keywords, each with what follows it.
struct Words {
  private var rest: ArraySlice<String>

  init(_ words: [String]) { rest = words[...] }

  var isEmpty: Bool { rest.isEmpty }

  /// Takes a keyword if it comes next.
  mutating func take(_ keyword: String) -> Bool {
    guard rest.first == keyword else { return false }
    rest.removeFirst()
    return true
  }

  /// Takes whatever comes next.
  mutating func take(what: String) throws(ControlError) -> String {
    guard let word = rest.popFirst() else { throw ControlError(.usage, "\(what) is missing") }
    return word
  }

  /// Everything has to be taken.
  func end() throws(ControlError) {
    guard let word = rest.first else { return }
    throw ControlError(.usage, "'\(word)' is one word too many")
  }

  /// Takes `id N`, `name S` or `pinned FILE`; `nil` when there is none of them.
  mutating func takeSelector() throws(ControlError) -> ObjectSelector? {
    if take("id") {
      let word = try take(what: "a number behind id")
      guard let id = UInt32(word) else { throw ControlError(.usage, "id \(word) is no number") }
      return .id(id)
    }
    if take("name") { return .name(try take(what: "a name behind name")) }
    if take("pinned") { return .pinned(try take(what: "a path behind pinned")) }
    return nil
  }

  /// Takes a selector that has to be there.
  mutating func takeRequiredSelector(of kind: String) throws(ControlError) -> ObjectSelector {
    guard let selector = try takeSelector() else {
      throw ControlError(.usage, "which \(kind)? give id N, name S or pinned FILE")
    }
    return selector
  }

  private static let keywords: Set<String> = [
    "key", "value", "any", "exist", "noexist", "id", "name", "pinned",
  ]

  /// Takes bytes up to the next keyword: decimal or `0x1f`, or hexadecimal digits behind `hex`.
  mutating func takeBytes(of what: String) throws(ControlError) -> [UInt8] {
    let isHex = take("hex")
    var bytes: [UInt8] = []
    while let word = rest.first, !Self.keywords.contains(word) {
      rest.removeFirst()
      let byte =
        word.hasPrefix("0x")
        ? UInt8(word.dropFirst(2), radix: 16) : UInt8(word, radix: isHex ? 16 : 10)
      guard let byte else {
        throw ControlError(
          .usage, "\(what): '\(word)' is no byte: 0 to 255, 0x00 to 0xff, or hex before 00 to ff")
      }
      bytes.append(byte)
    }
    guard !bytes.isEmpty else { throw ControlError(.usage, "\(what): its bytes are missing") }
    return bytes
  }

  /// Takes `any`, `exist` or `noexist` if it comes next.
  mutating func takeFlags() -> String? {
    ["any", "exist", "noexist"].first { take($0) }
  }

  /// Takes `key BYTES` if it comes next.
  mutating func takeKey() throws(ControlError) -> [UInt8]? {
    take("key") ? try takeBytes(of: "key") : nil
  }
}

extension ObjectSelector {
  /// As the query of a request.
  var query: [String: String] {
    switch self {
    case .id(let id): ["id": "\(id)"]
    case .name(let name): ["name": name]
    case .pinned(let path): ["pinned": path]
    }
  }
}

/// Bytes without spaces, as keys go into queries.
func queryBytes(_ bytes: [UInt8]) -> String { bytes.map(\.hexadecimal).joined() }
