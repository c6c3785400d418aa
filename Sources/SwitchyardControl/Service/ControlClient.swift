import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Talks to a control server. Every request has a connection of its own and waits for the answer.
public struct ControlClient: Sendable {
  /// The server's socket.
  public let path: String

  /// Names a server; nothing is connected yet.
  public init(path: String) { self.path = path }

  /// Sends a request.
  ///
  /// - Parameters:
  ///   - method: As in HTTP.
  ///   - path: With its query, as from ``uri(_:_:)``.
  ///   - body: What goes along.
  /// - Returns: The answer's body.
  /// - Throws: ``ControlError``: the server's, or that it cannot be reached.
  public func send(
    _ method: String, _ path: String, body: [UInt8] = []
  ) throws(ControlError) -> [UInt8] {
    let exchange = Exchange(onLine: nil)
    let answer = try exchange.run(at: self.path, method, path, body)
    guard answer.status == 200 else { throw Self.error(answer) }
    return answer.body
  }

  /// Sends a document and reads another.
  public func request<Answer: Decodable>(
    _ method: String, _ path: String, body: (some Encodable)? = EmptyDocument?.none
  ) throws(ControlError) -> Answer {
    let bytes: [UInt8] = if let body { try encoded(body) } else { [] }
    return try Self.decode(try send(method, path, body: bytes))
  }

  /// Sends bytes and reads a document.
  public func request<Answer: Decodable>(
    _ method: String, _ path: String, sending bytes: [UInt8]
  ) throws(ControlError) -> Answer {
    try Self.decode(try send(method, path, body: bytes))
  }

  /// Follows what happens until the server ends or `onEvent` returns false.
  public func watch(
    everyMilliseconds interval: Int, onEvent: @escaping @Sendable (EventDocument) -> Bool
  ) throws(ControlError) {
    let exchange = Exchange { line in
      guard let event: EventDocument = try? Self.decode(line) else { return false }
      return onEvent(event)
    }
    let answer = try exchange.run(
      at: path, "GET", Self.uri(Router.watchPath, ["interval_ms": "\(interval)"]), [])
    guard answer.status == 200 else { throw Self.error(answer) }
  }

  /// A path with a query.
  public static func uri(_ path: String, _ query: [String: String]) -> String {
    guard !query.isEmpty else { return path }
    let pairs = query.sorted { $0.key < $1.key }.map { "\(escaped($0.key))=\(escaped($0.value))" }
    return path + "?" + pairs.joined(separator: "&")
  }

  private static func escaped(_ text: String) -> String {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"):
        String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }.joined()
  }

  private static func decode<Value: Decodable>(_ bytes: [UInt8]) throws(ControlError) -> Value {
    do {
      return try decoded(Value.self, from: bytes)
    } catch {
      throw ControlError(.unavailable, "the server's answer is not understood: \(error)")
    }
  }

  private static func error(_ answer: Exchange.Answer) -> ControlError {
    guard let document: ErrorDocument = try? decode(answer.body) else {
      return ControlError(.unavailable, "the server answered with status \(answer.status)")
    }
    return ControlError(document, httpStatus: answer.status)
  }
}

/// One request and its answer.
private struct Exchange {
  struct Answer: Sendable {
    var status: Int
    var body: [UInt8]
  }

  /// Gets every line of the answer as it comes; ends the exchange by returning false.
  var onLine: (@Sendable ([UInt8]) -> Bool)?

  func run(
    at path: String, _ method: String, _ uri: String, _ body: [UInt8]
  ) throws(ControlError) -> Answer {
    guard !path.isEmpty else { throw ControlError(.usage, "the socket's path is empty") }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    let promise = group.next().makePromise(of: Answer.self)
    let onLine = onLine
    let bootstrap = ClientBootstrap(group: group).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        let operations = channel.pipeline.syncOperations
        try operations.addHTTPClientHandlers()
        try operations.addHandler(ExchangeHandler(promise, onLine))
      }
    }
    let channel: any Channel
    do {
      channel = try bootstrap.connect(unixDomainSocketPath: path).wait()
    } catch {
      promise.fail(error)
      throw Self.failure(path, error)
    }
    var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method), uri: uri)
    head.headers.add(name: "host", value: "switchyard")
    head.headers.add(name: "content-length", value: "\(body.count)")
    head.headers.add(name: "connection", value: "close")
    channel.write(HTTPClientRequestPart.head(head), promise: nil)
    channel.write(
      HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
    channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    defer { try? channel.close().wait() }
    do {
      return try promise.futureResult.wait()
    } catch {
      throw ControlError(
        .unavailable, "the server at \(path) went away before it had answered", file: path)
    }
  }
}

extension Exchange {
  /// Why there is no connection.
  fileprivate static func failure(_ path: String, _ error: any Error) -> ControlError {
    switch (error as? IOError)?.errnoCode {
    case ENOENT, ECONNREFUSED:
      return ControlError(
        .unreadable, "no server answers at \(path); start one with: switchyard serve", file: path)
    case EACCES, EPERM:
      return ControlError(
        .noPermission, "the server at \(path) does not let you connect", file: path)
    case EAGAIN:
      return ControlError(
        .unavailable, "too many ask the server at \(path) at once; try again", file: path)
    default:
      if case .unixDomainSocketPathTooLong? = error as? SocketAddressError {
        return ControlError(.usage, "the socket's path is too long: \(path)", file: path)
      }
      return ControlError(.unreadable, "cannot connect to \(path): \(error)", file: path)
    }
  }
}

/// Gathers an answer; NIO confines it to its event loop.
private final class ExchangeHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart

  private struct Gone: Error {}

  private let promise: EventLoopPromise<Exchange.Answer>
  private let onLine: (@Sendable ([UInt8]) -> Bool)?
  private var answer = Exchange.Answer(status: 0, body: [])
  private var isDone = false

  init(
    _ promise: EventLoopPromise<Exchange.Answer>, _ onLine: (@Sendable ([UInt8]) -> Bool)?
  ) {
    self.promise = promise
    self.onLine = onLine
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): answer.status = Int(head.status.code)
    case .body(let buffer):
      answer.body += buffer.readableBytesView
      takeLines()
    case .end: finish()
    }
  }

  private func takeLines() {
    guard let onLine, answer.status == 200, !isDone else { return }
    while let end = answer.body.firstIndex(of: UInt8(ascii: "\n")) {
      let line = Array(answer.body[..<end])
      answer.body.removeFirst(end + 1)
      if !onLine(line) { return finish() }
    }
  }

  private func finish() {
    guard !isDone else { return }
    isDone = true
    promise.succeed(answer)
  }

  func channelInactive(context: ChannelHandlerContext) {
    guard !isDone else { return }
    isDone = true
    // A stream ends with its server; an answer must not.
    if onLine != nil, answer.status == 200 {
      promise.succeed(answer)
    } else {
      promise.fail(Gone())
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
