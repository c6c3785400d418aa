import BPFCompiler
import BPFKernel
import BPFRuntime

/// A way to run programs. A rule's test states its programs once and expects the same of all.
public enum Engine: String, CaseIterable, Sendable {
  /// Our interpreter, every access tested.
  case checked
  /// Our interpreter, nothing tested; programs with packet pointers run checked all the same.
  case unchecked
  /// Our compiler.
  case compiled
  /// Linux: the proof that a rule was read right.
  case kernel

  /// The engines that can be used here; why one is left out is printed once.
  public static let all: [Engine] = {
    var engines = allCases
    if let reason = Kernel.availability.reason {
      print("Rules are not compared with Linux: \(reason)")
      engines.removeAll { $0 == .kernel }
    }
    if ProgramCompiler.x86() == nil {
      print("Rules are not tested in compiled code: there is no compiler for this machine")
      engines.removeAll { $0 == .compiled }
    }
    return engines
  }()

  /// The engines of our own.
  public static let ours = all.filter { $0 != .kernel }

  /// A fresh place to make maps and run programs in.
  public func bench() throws -> any Bench {
    switch self {
    case .checked: try RuntimeBench(.checked)
    case .unchecked: try RuntimeBench(.unchecked)
    case .compiled: try RuntimeBench(.compiled)
    case .kernel: KernelBench()
    }
  }
}
