// UNSAFE. A socket that appears under its name only when it is ready.
//
// Invariant: C strings are only looked at during the call that gives them.

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Serves a live runtime over HTTP on a Unix socket.
///
/// The socket appears under its name only when it has its permissions and somebody listens.
public final class ControlServer: Sendable {
  /// Where it listens.
  public let path: String
  private let group: MultiThreadedEventLoopGroup
  private let channel: any Channel
  private let isStopped = Atomic<Bool>(false)
  /// What tells the socket from another one under the same name.
  private let file: FileIdentity

  /// Starts to serve.
  ///
  /// - Parameters:
  ///   - live: What is served.
  ///   - traffic: Where packets come from, for the counts.
  ///   - path: The socket; one that a killed server left is replaced. One that somebody listens on,
  ///     or a file of another kind, is not.
  ///   - mode: Its permissions.
  public init(
    _ live: LiveRuntime, traffic: Traffic?, at path: String, mode: UInt32 = 0o600
  ) throws(ControlError) {
    self.path = path
    guard path.utf8.count <= 80 else {
      throw ControlError(.usage, "the socket's path is too long: \(path)", file: path)
    }
    guard !path.isEmpty else { throw ControlError(.usage, "the socket's path is empty") }
    try Self.checkPlace(path)
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let router = Router(live: live, traffic: traffic)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(ChannelOptions.backlog, value: 4096)
      // Who has asked and says no more still gets the answer.
      .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let operations = channel.pipeline.syncOperations
          try operations.configureHTTPServerPipeline(withErrorHandling: false)
          try operations.addHandler(ControlHandler(router))
        }
      }
    // In a directory of its own nobody can reach the socket before it has its permissions.
    let hidden = path + ".\(getpid())"
    do {
      try Self.makePrivate(hidden)
      channel = try bootstrap.bind(unixDomainSocketPath: hidden + "/s").wait()
    } catch {
      _ = unsafe rmdir(hidden)
      try? group.syncShutdownGracefully()
      throw Self.failure("cannot listen on \(path)", error)
    }
    let identity = FileIdentity(hidden + "/s")
    let isThere =
      unsafe chmod(hidden + "/s", mode) == 0
      && rename(hidden + "/s", path) == 0
    let failure = DurableDirectory.failure("cannot listen on \(path)")
    if !isThere { _ = unsafe unlink(hidden + "/s") }
    _ = unsafe rmdir(hidden)
    guard isThere, let identity else {
      try? channel.close().wait()
      try? group.syncShutdownGracefully()
      throw failure
    }
    file = identity
  }

  /// Ends all connections and removes the socket; only the first time counts.
  public func stop() {
    // What has no event loop any more would be waited for in vain.
    guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
    // Somebody may have removed the socket, and another server made its own there.
    if FileIdentity(path) == file { _ = unsafe unlink(path) }
    try? channel.close().wait()
    try? group.syncShutdownGracefully()
  }

  private static func makePrivate(_ path: String) throws(ControlError) {
    guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw DurableDirectory.failure("cannot make \(path)")
    }
    _ = unsafe unlink(path + "/s")
  }

  /// Refuses a place where somebody listens, or where something else than a socket is; one that
  /// a killed server left refuses connections.
  private static func checkPlace(_ path: String) throws(ControlError) {
    guard let file = FileIdentity(path) else { return }
    guard file.isSocket else {
      throw ControlError(
        .usage, "cannot listen on \(path): there is a file that is no socket", file: path)
    }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    do {
      try ClientBootstrap(group: group).connect(unixDomainSocketPath: path).wait().close().wait()
    } catch {
      if (error as? IOError)?.errnoCode == ECONNREFUSED { return }
      throw failure("cannot find out whether somebody listens on \(path)", error)
    }
    throw ControlError(.unavailable, "another server listens on \(path)", file: path)
  }

  private static func failure(_ message: String, _ error: any Error) -> ControlError {
    if let error = error as? ControlError {
      return ControlError(error.code, "\(message): \(error.message)")
    }
    guard let number = (error as? IOError)?.errnoCode else {
      return ControlError(.unreadable, "\(message): \(error)")
    }
    errno = number
    return DurableDirectory.failure(message)
  }
}

/// What tells a file from another one that has its name later.
private struct FileIdentity: Equatable, Sendable {
  var device: UInt64
  var number: UInt64
  var isSocket: Bool

  init?(_ path: String) {
    var about = stat()
    guard unsafe lstat(path, &about) == 0 else { return nil }
    device = UInt64(truncatingIfNeeded: about.st_dev)
    number = UInt64(truncatingIfNeeded: about.st_ino)
    isSocket = about.st_mode & S_IFMT == S_IFSOCK
  }
}

/// One connection: gathers a request, has it answered, writes the answer.
///
/// NIO confines it to its event loop.
private final class ControlHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  /// The largest object that is taken.
  private static let bodyLimit = 64 << 20
  /// An hour, in milliseconds.
  private static let longestInterval: Int64 = 3_600_000

  private let router: Router
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var isTooLarge = false
  private var watcher: RepeatedTask?
  /// The answer that is on its way.
  private var lastWrite: EventLoopFuture<Void>?
  private var observer: Observer?

  init(_ router: Router) { self.router = router }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = []
      isTooLarge = false
    case .body(let buffer):
      guard body.count + buffer.readableBytes <= Self.bodyLimit else {
        isTooLarge = true
        body = []
        return
      }
      if !isTooLarge { body += buffer.readableBytesView }
    case .end:
      // A request counts only when all of it is there: a client that dies half-way asked nothing.
      guard let head else { return }
      let request = ControlRequest(method: "\(head.method)", uri: head.uri, body: body)
      body = []
      answer(request, head, context)
    }
  }

  private func answer(
    _ request: ControlRequest, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    if isTooLarge {
      let error = ControlError(.usage, "the body is longer than \(Self.bodyLimit) bytes")
      return write(ControlResponse(error), head, context)
    }
    if request.method == "GET", request.path == Router.watchPath {
      return watch(request, head, context)
    }
    // One event loop: requests are answered one after the other, and packets go on meanwhile.
    write(router.respond(to: request), head, context)
  }

  private func write(
    _ response: ControlResponse, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    var headers = HTTPHeaders()
    headers.add(name: "content-type", value: response.contentType)
    headers.add(name: "content-length", value: "\(response.body.count)")
    let status = HTTPResponseStatus(statusCode: response.status)
    let answer = HTTPResponseHead(version: head.version, status: status, headers: headers)
    context.write(wrapOutboundOut(.head(answer)), promise: nil)
    if head.method != .HEAD {
      var buffer = context.channel.allocator.buffer(capacity: response.body.count)
      buffer.writeBytes(response.body)
      context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    }
    lastWrite = context.writeAndFlush(wrapOutboundOut(.end(nil)))
    if !head.isKeepAlive { end(context) }
  }

  /// Closes the connection when what was written has gone: closing at once would cut it off.
  private func end(_ context: ChannelHandlerContext) {
    guard let lastWrite else { return context.close(promise: nil) }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    lastWrite.whenComplete { _ in bound.value.close(promise: nil) }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // The client will ask for nothing more.
    if let event = event as? ChannelEvent, event == .inputClosed, watcher == nil { end(context) }
    context.fireUserInboundEventTriggered(event)
  }

  // MARK: Watching

  /// Writes a line of JSON for everything that happens, until the client has enough.
  private func watch(
    _ request: ControlRequest, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    let text = request.query["interval_ms"] ?? "1000"
    guard let milliseconds = Int64(text), (1...Self.longestInterval).contains(milliseconds) else {
      let error = ControlError(
        .usage, "interval_ms is \(text), not from 1 to \(Self.longestInterval)")
      return write(ControlResponse(error), head, context)
    }
    let headers = HTTPHeaders([("content-type", "application/x-ndjson")])
    let answer = HTTPResponseHead(version: head.version, status: .ok, headers: headers)
    context.writeAndFlush(wrapOutboundOut(.head(answer)), promise: nil)
    observer = Observer(router.live, router.traffic)
    let interval = TimeAmount.milliseconds(max(10, milliseconds))
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    watcher = context.eventLoop.scheduleRepeatedTask(
      initialDelay: interval, delay: interval
    ) { _ in
      let (handler, context) = bound.value
      handler.tell(context)
    }
  }

  private func tell(_ context: ChannelHandlerContext) {
    // A client that does not read would have all of it pile up here.
    guard context.channel.isWritable, let events = observer?.events() else { return }
    var buffer = context.channel.allocator.buffer(capacity: 256 * events.count)
    for event in events {
      buffer.writeBytes((try? encoded(event)) ?? [])
      buffer.writeString("\n")
    }
    context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    watcher?.cancel()
    watcher = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is HTTPParserError, watcher == nil else { return context.close(promise: nil) }
    var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "")
    head.headers.add(name: "connection", value: "close")
    write(ControlResponse(ControlError(.usage, "this is no HTTP request: \(error)")), head, context)
  }
}
