import BPFInstructions

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The Linux kernel of this machine: whether it can be used, and what must be known about it.
public enum Kernel {
  /// Whether programs and maps can be created here.
  public enum Availability: Hashable, Sendable {
    /// bpf(2) works.
    case available
    /// It does not, for this reason.
    case unavailable(reason: String)

    /// Whether bpf(2) works.
    public var isAvailable: Bool { self == .available }

    /// Why it does not; `nil` when it does.
    public var reason: String? {
      guard case .unavailable(let reason) = self else { return nil }
      return reason
    }
  }

  /// Found out once, by loading an XDP program of two instructions, which needs the same rights as
  /// everything else this module does.
  public static let availability: Availability = {
    let program = [
      Instruction(opcode: 0xb7, destination: .r0), Instruction(opcode: Opcode.exit),
    ]
    do throws(KernelError) {
      _ = try KernelProgram(program, KernelProgram.Options(type: 6))
      return .available
    } catch {
      switch error.errno {
      case .noSystemCall: return .unavailable(reason: "this system has no bpf(2)")
      case .notPermitted, .accessDenied:
        return .unavailable(reason: "bpf(2) is not permitted: needs root (\(error.errno))")
      default: return .unavailable(reason: "bpf(2) does not work: \(error.errno)")
      }
    }
  }()

  /// How many CPUs the system could ever have, which is how many values bpf(2) passes for an
  /// element of a per-CPU map. Not the number of CPUs at work, nor what libc says is configured.
  public static let possibleCPUCount: Int =
    firstLine(of: "/sys/devices/system/cpu/possible").flatMap { cpuCount(list: $0) } ?? 1

  /// One more than the highest number in a list of CPUs such as `0-3,8`.
  static func cpuCount(list: String) -> Int? {
    list.split { $0 == "," || $0 == "-" }.compactMap { Int($0) }.max().map { $0 + 1 }
  }

  private static func firstLine(of path: String) -> String? {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    let file = KernelDescriptor(owning: number)
    var bytes = [UInt8](repeating: 0, count: 256)
    // The buffer's own count bounds the read.
    let count = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe read(file.rawValue, buffer.baseAddress, buffer.count)
    }
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }
}
