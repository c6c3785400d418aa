import BPFKernel
public import Testing

extension Trait where Self == ConditionTrait {
  /// Runs a test only where bpf(2) works, and prints why where it does not.
  public static var requiresKernel: Self {
    .enabled(
      if: Kernel.availability.isAvailable,
      "needs the Linux kernel: \(Kernel.availability.reason ?? "available")")
  }
}
