import BPFKernel
import CPlatform
public import Testing

/// What this process may ask of the kernel.
public enum KernelAvailability {
  // By linux/capability.h.
  private static let systemAdministration: UInt64 = 1 << 21
  private static let performanceMonitoring: UInt64 = 1 << 38

  /// Does something with the right to load programs, but not with the one to see addresses: Linux
  /// then holds programs to the rules for people without privileges, of whichever type they are.
  ///
  /// Capabilities belong to threads, so that nothing else loses any.
  public static func withoutPointerRights<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let all = switchyard_capabilities()
    let rest = all & ~(systemAdministration | performanceMonitoring)
    let isDropped = switchyard_set_capabilities(rest) == 0
    precondition(isDropped, "a thread may always give up capabilities")
    defer { _ = switchyard_set_capabilities(all) }
    return try body()
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs a test only where bpf(2) works, and prints why where it does not.
  public static var requiresKernel: Self {
    .enabled(
      if: Kernel.availability.isAvailable,
      "needs the Linux kernel: \(Kernel.availability.reason ?? "available")")
  }
}
