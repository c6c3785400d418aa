// UNSAFE. Asks the system for the time.
//
// Invariant: clock_gettime writes one timespec, which is on the stack here.

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Helper {
  /// `bpf_ktime_get_ns`: nanoseconds since some start, without the time asleep.
  public static let monotonicTime = Helper(
    number: 5, name: "ktime_get_ns", arguments: []
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).time(SystemClock.monotonic) }

  /// `bpf_ktime_get_boot_ns`: nanoseconds since the system started.
  public static let bootTime = Helper(
    number: 125, name: "ktime_get_boot_ns", arguments: []
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).time(SystemClock.boot) }

  /// `bpf_ktime_get_coarse_ns`: as ``monotonicTime``, as of the last tick.
  public static let coarseTime = Helper(
    number: 160, name: "ktime_get_coarse_ns", arguments: []
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).time(SystemClock.coarse) }

  /// `bpf_ktime_get_tai_ns`: nanoseconds of international atomic time since 1970.
  public static let atomicTime = Helper(
    number: 208, name: "ktime_get_tai_ns", arguments: []
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).time(SystemClock.atomic) }

  /// `bpf_jiffies64`: the monotonic time in ticks of 4 ms, 250 of them a second as in most
  /// distributions' kernels.
  public static let jiffies = Helper(
    number: 118, name: "jiffies64", arguments: []
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).time(SystemClock.coarse) / 4_000_000 }
}

extension RunningCPU {
  /// Nanoseconds of a clock of the system, or of the CPU's own that stands still.
  func time(_ clock: SystemClock) -> UInt64 {
    unsafe words.pointee.clockIsFixed ? words.pointee.fixedTime : clock.nanoseconds
  }
}

/// A clock of the system.
struct SystemClock {
  private let number: clockid_t

  static let monotonic = SystemClock(number: CLOCK_MONOTONIC)
  static let real = SystemClock(number: CLOCK_REALTIME)
  #if os(Linux)
  static let boot = SystemClock(number: CLOCK_BOOTTIME)
  static let coarse = SystemClock(number: CLOCK_MONOTONIC_COARSE)
  static let atomic = SystemClock(number: CLOCK_TAI)
  #else
  static let boot = monotonic
  static let coarse = monotonic
  // Without leap seconds: the closest clock there is.
  static let atomic = SystemClock(number: CLOCK_REALTIME)
  #endif

  /// What it shows.
  var nanoseconds: UInt64 {
    var time = timespec()
    guard unsafe clock_gettime(number, &time) == 0 else { return 0 }
    let seconds = UInt64(truncatingIfNeeded: time.tv_sec)
    return seconds &* 1_000_000_000 &+ UInt64(truncatingIfNeeded: time.tv_nsec)
  }
}
