#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How one waits for a lock that is held for some tens of nanoseconds: look again a few times, and
/// then let others run, because the holder may have been taken off its processor.
struct Backoff {
  private(set) var looks = 0

  /// Waits a little.
  mutating func wait() {
    looks &+= 1
    if looks & 63 == 0 { sched_yield() }
  }
}
