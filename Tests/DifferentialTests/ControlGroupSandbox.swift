import BPFKernel
import Foundation
import Glibc
import Synchronization

/// A control group of its own, in which a test hangs programs that Linux has no test run for.
///
/// Only processes that the test starts are ever in it.
final class ControlGroupSandbox {
  private let path: String
  let descriptor: KernelDescriptor

  private static let next = Atomic<Int>(0)

  /// Makes one; `nil` where the system has no such groups.
  init?() {
    let number = Self.next.add(1, ordering: .relaxed).newValue
    let name = "switchyard-test-\(getpid())-\(number)"
    for root in ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"] {
      guard access(root + "/cgroup.controllers", F_OK) == 0 else { continue }
      let path = "\(root)/\(name)"
      guard mkdir(path, 0o755) == 0 else { return nil }
      self.path = path
      descriptor = KernelDescriptor(owning: open(path, O_RDONLY))
      return
    }
    return nil
  }

  deinit { rmdir(path) }

  /// Runs lines of shell in the group and in the network of this thread.
  ///
  /// - Returns: Its exit status.
  @discardableResult
  func run(_ lines: String) -> Int32 {
    let text = "echo $$ > \(path)/cgroup.procs\n\(lines)"
    var words = (["/bin/sh", "-c", text] as [String]).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var child = pid_t()
    guard posix_spawn(&child, "/bin/sh", nil, nil, &words, environ) == 0 else { return -1 }
    var status: Int32 = 0
    while waitpid(child, &status, 0) == -1, errno == EINTR {}
    return status >> 8
  }
}
