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

  /// Starts to serve.
  ///
  /// - Parameters:
  ///   - live: What is served.
  ///   - traffic: Where packets come from, for the counts.
  ///   - path: The socket; a stale one is replaced, one that somebody listens on is not.
  ///   - mode: Its permissions.
  public init(
    _ live: LiveRuntime, traffic: Traffic?, at path: String, mode: UInt32 = 0o600
  ) throws(ControlError) {
    self.path = path
    guard path.utf8.count <= 80 else {
      throw ControlError(.usage, "the socket's path is too long: \(path)", file: path)
    }
    guard !Self.isListening(at: path) else {
      throw ControlError(.unavailable, "another server listens on \(path)", file: path)
    }
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let router = Router(live: live, traffic: traffic)
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(ChannelOptions.backlog, value: 64)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let operations = channel.pipeline.syncOperations
          try operations.configureHTTPServerPipeline(withErrorHandling: true)
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
      throw ControlError(.unreadable, "cannot listen on \(path): \(error)", file: path)
    }
    let isThere =
      unsafe chmod(hidden + "/s", mode) == 0
      && rename(hidden + "/s", path) == 0
    let failure = DurableDirectory.failure("cannot listen on \(path)")
    _ = unsafe rmdir(hidden)
    guard isThere else {
      stop()
      throw failure
    }
  }

  /// Ends all connections and removes the socket; only the first time counts.
  public func stop() {
    // What has no event loop any more would be waited for in vain.
    guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
    _ = unsafe unlink(path)
    try? channel.close().wait()
    try? group.syncShutdownGracefully()
  }

  private static func makePrivate(_ path: String) throws(ControlError) {
    guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw DurableDirectory.failure("cannot make \(path)")
    }
    _ = unsafe unlink(path + "/s")
  }

  /// Whether a server answers there; a socket that a killed server left does not.
  private static func isListening(at path: String) -> Bool {
    guard unsafe access(path, F_OK) == 0 else { return false }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    guard
      let channel = try? ClientBootstrap(group: group).connect(unixDomainSocketPath: path).wait()
    else { return false }
    try? channel.close().wait()
    return true
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

  private let router: Router
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []
  private var isTooLarge = false
  private var watcher: RepeatedTask?
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
    var buffer = context.channel.allocator.buffer(capacity: response.body.count)
    buffer.writeBytes(response.body)
    context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    if !head.isKeepAlive { context.close(promise: nil) }
  }

  // MARK: Watching

  /// Writes a line of JSON for everything that happens, until the client has enough.
  private func watch(
    _ request: ControlRequest, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
  ) {
    let milliseconds = request.query["interval_ms"].flatMap { Int64($0) } ?? 1000
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
    context.close(promise: nil)
  }
}
