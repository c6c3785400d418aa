// UNSAFE. The time of day.
//
// Invariant: clock_gettime writes one `timespec`, a local variable.

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The time of day, for those who compare notes of several processes.
enum WallClock {
  /// Nanoseconds since 1970.
  static var nanoseconds: Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
