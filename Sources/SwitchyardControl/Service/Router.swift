import Switchyard

/// A request as it came over HTTP, without the connection.
struct ControlRequest: Sendable {
  var method: String
  /// Without the query, as in `/v1/programs`.
  var path: String
  var query: [String: String]
  var body: [UInt8]

  init(method: String, uri: String, body: [UInt8]) {
    self.method = method
    self.body = body
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts.first ?? "")
    query = [:]
    guard parts.count > 1 else { return }
    for pair in parts[1].split(separator: "&") {
      let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      query[Self.unescaped(words[0])] = words.count > 1 ? Self.unescaped(words[1]) : ""
    }
  }

  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let pair = rest.prefix(2)
      if byte == UInt8(ascii: "%"), pair.count == 2, let value = UInt8(Substring(pair), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The program or map that the query names, if any.
  func selector() throws(ControlError) -> ObjectSelector? {
    let named: [ObjectSelector] = try [
      query["id"].map { text throws(ControlError) in
        guard let id = UInt32(text) else { throw ControlError(.usage, "id \(text) is no number") }
        return .id(id)
      },
      query["name"].map { .name($0) }, query["pinned"].map { .pinned($0) },
    ].compactMap(\.self)
    guard named.count <= 1 else {
      throw ControlError(.usage, "give only one of id, name and pinned")
    }
    return named.first
  }

  /// The same, where one has to be there.
  func requiredSelector() throws(ControlError) -> ObjectSelector {
    guard let selector = try selector() else {
      throw ControlError(.usage, "give one of id, name and pinned")
    }
    return selector
  }

  /// The bytes of a key in the query, in hexadecimal.
  func key() throws(ControlError) -> [UInt8]? {
    guard let text = query["key"] else { return nil }
    let digits = text.utf8.filter { $0 != UInt8(ascii: " ") }
    guard digits.count.isMultiple(of: 2) else {
      throw ControlError(.usage, "key \(text) is not in hexadecimal")
    }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: digits.count, by: 2) {
      let pair = String(decoding: digits[start..<start + 2], as: UTF8.self)
      guard let byte = UInt8(pair, radix: 16), pair.first != "+" else {
        throw ControlError(.usage, "key \(text) is not in hexadecimal")
      }
      bytes.append(byte)
    }
    return bytes
  }

  /// The body, read as JSON.
  func document<Value: Decodable>(_ type: Value.Type) throws(ControlError) -> Value {
    do {
      return try decoded(type, from: body)
    } catch {
      throw ControlError(
        .usage, "the body is not what \(method) \(path) takes: \(reason(of: error))")
    }
  }
}

/// What goes back.
struct ControlResponse: Sendable {
  var status = 200
  var contentType = "application/json"
  var body: [UInt8]

  init(_ document: some Encodable) throws(ControlError) {
    body = try encoded(document)
  }

  init(_ error: ControlError) {
    status = error.httpStatus
    body = (try? encoded(error.document)) ?? []
  }
}

/// Which request does what: the table of the protocol.
struct Router: Sendable {
  let live: LiveRuntime
  let traffic: Traffic?

  /// Where changes are streamed from.
  static let watchPath = "/v1/watch"

  /// Answers a request.
  func respond(to request: ControlRequest) -> ControlResponse {
    do throws(ControlError) {
      return try route(request)
    } catch {
      return ControlResponse(error)
    }
  }

  private func route(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
    switch (request.method, request.path) {
    case ("GET", "/v1/status"): return try ControlResponse(live.status(traffic))
    case ("GET", "/v1/programs"):
      return try ControlResponse(try live.programs(try request.selector()))
    case ("POST", "/v1/objects"):
      return try ControlResponse(
        try live.load(
          request.body, named: request.query["name"] ?? "object", pinnedAs: request.query["pin"]))
    case ("DELETE", "/v1/objects"):
      guard let number = request.query["number"].flatMap({ UInt32($0) }) else {
        throw ControlError(.usage, "give the number of an object")
      }
      try live.unload(number)
      return try done()
    case ("GET", "/v1/chain"): return try ControlResponse(try live.chain())
    case ("GET", "/v1/chain/graph"): return try ControlResponse(try live.graph(traffic))
    case ("GET", "/v1/chain/history"): return try ControlResponse(live.history())
    case ("POST", "/v1/chain/plan"):
      return try ControlResponse(try live.plan(try request.document(ChangesDocument.self)))
    case ("POST", "/v1/chain/apply"):
      return try ControlResponse(try live.apply(try request.document(ChangesDocument.self)))
    case ("POST", "/v1/chain/rollback"): return try rollBack(request)
    default:
      if request.path.hasPrefix("/v1/maps") { return try routeMap(request) }
      if request.path.hasPrefix("/v1/pins") { return try routePin(request) }
      throw ControlError(.notFound, "there is no \(request.method) \(request.path)")
    }
  }

  private func rollBack(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
    var number: UInt64?
    if let text = request.query["generation"] {
      guard let parsed = UInt64(text) else {
        throw ControlError(.usage, "generation \(text) is no number")
      }
      number = parsed
    }
    return try ControlResponse(try live.rollBack(to: number))
  }

  private func routeMap(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
    switch (request.method, request.path) {
    case ("GET", "/v1/maps"): return try ControlResponse(try live.maps(try request.selector()))
    case ("GET", "/v1/maps/elements"):
      return try ControlResponse(
        try live.elements(of: try request.requiredSelector(), key: try request.key()))
    case ("GET", "/v1/maps/next"):
      let key = try request.key()
      let next = try live.key(after: key, of: try request.requiredSelector())
      return try ControlResponse(
        NextKeyDocument(key: key.map { ByteList($0) }, nextKey: next.map { ByteList($0) }))
    case ("PUT", "/v1/maps/elements"):
      try live.update(
        try request.requiredSelector(), try request.document(ElementChangeDocument.self))
      return try done()
    case ("DELETE", "/v1/maps/elements"):
      guard let key = try request.key() else { throw ControlError(.usage, "give a key") }
      try live.delete(key, from: try request.requiredSelector())
      return try done()
    default: throw ControlError(.notFound, "there is no \(request.method) \(request.path)")
    }
  }

  private func routePin(_ request: ControlRequest) throws(ControlError) -> ControlResponse {
    guard request.path != "/v1/pins" || request.method != "GET" else {
      return try ControlResponse(try live.pins())
    }
    guard let path = request.query["path"] else {
      throw ControlError(.usage, "give the path of a pin")
    }
    switch (request.method, request.path) {
    case ("PUT", "/v1/pins/programs"):
      try live.pin(program: try request.requiredSelector(), as: path)
    case ("PUT", "/v1/pins/maps"): try live.pin(map: try request.requiredSelector(), as: path)
    case ("DELETE", "/v1/pins"): try live.unpin(path)
    default: throw ControlError(.notFound, "there is no \(request.method) \(request.path)")
    }
    return try done()
  }

  private func done() throws(ControlError) -> ControlResponse {
    try ControlResponse(EmptyDocument())
  }
}
