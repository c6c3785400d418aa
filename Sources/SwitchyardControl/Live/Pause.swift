#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Waiting on a thread that has nothing else to do.
enum Pause {
  /// Returns at a time, or at once when it has passed.
  static func until(_ instant: ContinuousClock.Instant, _ clock: ContinuousClock) {
    let left = clock.now.duration(to: instant)
    guard left > .zero else { return }
    let (seconds, attoseconds) = min(left, .milliseconds(100)).components
    _ = usleep(UInt32(seconds * 1_000_000 + attoseconds / 1_000_000_000_000))
  }
}
