import Foundation
import Glibc
import Synchronization

/// A network of its own, in which a test may make devices and routes.
enum NetworkNamespace {
  enum SetupError: Error {
    case notAllowed(errno: Int32)
    case shell(status: Int32)
  }

  /// Runs lines of shell and then `body` on a thread in a fresh network namespace, which goes away
  /// with the thread.
  static func run<Result: Sendable>(
    setup: String, _ body: @escaping @Sendable () throws -> Result
  ) throws -> Result {
    let box = Box<Result>()
    let thread = Thread { box.finish(Swift.Result { try enter(setup, body) }) }
    thread.stackSize = 8 << 20
    thread.start()
    guard let value = box.wait() else { throw SetupError.notAllowed(errno: 0) }
    return try value.get()
  }

  /// `unshare(CLONE_NEWNET)`, which the headers show only to programs of GNU's.
  private static func leaveNetwork() -> Int32 {
    typealias Function = @convention(c) (Int32) -> Int32
    guard let symbol = dlsym(nil, "unshare") else { return -1 }
    return unsafeBitCast(symbol, to: Function.self)(0x4000_0000)
  }

  private static func enter<Result>(
    _ setup: String, _ body: () throws -> Result
  ) throws -> Result {
    guard leaveNetwork() == 0 else { throw SetupError.notAllowed(errno: errno) }
    var words = (["/bin/sh", "-e", "-c", setup] as [String]).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child = pid_t()
    // Of this thread, so that it is in the same network.
    guard posix_spawn(&child, "/bin/sh", nil, nil, &words, environ) == 0 else {
      throw SetupError.shell(status: -1)
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) == -1, errno == EINTR {}
    guard status == 0 else { throw SetupError.shell(status: status) }
    return try body()
  }

  private final class Box<Value: Sendable>: Sendable {
    private let value = Mutex<Swift.Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func finish(_ result: Swift.Result<Value, any Error>) {
      value.withLock { $0 = result }
      done.signal()
    }

    func wait() -> Swift.Result<Value, any Error>? {
      done.wait()
      return value.withLock { $0 }
    }
  }
}
