import BPFKernel

/// A way to run programs. A rule's test states its programs once and expects the same of all.
public enum Engine: String, CaseIterable, Sendable {
  /// Our interpreter, every access tested.
  case checked
  /// Our interpreter, nothing tested; programs with packet pointers run checked all the same.
  case unchecked
  /// Linux: the proof that a rule was read right.
  case kernel

  /// The engines that can be used here; why Linux is left out is printed once.
  public static let all: [Engine] = {
    guard let reason = Kernel.availability.reason else { return allCases }
    print("Rules are not compared with Linux: \(reason)")
    return allCases.filter { $0 != .kernel }
  }()

  /// The engines of our own.
  public static let ours = all.filter { $0 != .kernel }

  /// A fresh place to make maps and run programs in.
  public func bench() throws -> any Bench {
    switch self {
    case .checked: try RuntimeBench(.checked)
    case .unchecked: try RuntimeBench(.unchecked)
    case .kernel: KernelBench()
    }
  }
}
