import BPFRuntime

/// What a program may return.
struct ReturnRule {
  private let range: ClosedRange<Int64>?

  /// Whether not every value is allowed.
  var isBounded: Bool { range != nil }

  /// The rule of the program's type.
  init(_ program: VerifierProgram) {
    range = Self.range(type: program.type.number, attachType: program.expectedAttachType)
  }

  /// As measured in Linux 6.18, by numbers of `enum bpf_prog_type` and `enum bpf_attach_type`.
  private static func range(type: UInt32, attachType: UInt32) -> ClosedRange<Int64>? {
    switch type {
    case 8: attachType == 1 ? 0...3 : 0...1
    case 9, 13, 15, 23, 25, 30, 32: 0...1
    case 18:
      switch attachType {
      case 8, 9: 0...3
      case 19, 20, 29, 30, 31, 32, 51, 52, 53: 1...1
      default: 0...1
      }
    default: nil
    }
  }

  func check(_ explorer: borrowing Explorer) throws(Refusal) {
    let value = explorer.state.frame.registers[0]
    guard value.kind != .uninitialized else { throw .access("R0 !read_ok", register: 0) }
    if explorer.globalFunction != nil {
      guard value.isScalar else {
        throw .invalid(
          "At subprogram exit the register R0 is not a scalar value (\(value.kind.logName))",
          register: 0)
      }
      return
    }
    if explorer.options.isStrict, !value.isScalar {
      throw .access("R0 leaks addr as return value", register: 0)
    }
    guard let range else { return }
    guard value.isScalar else {
      throw .invalid(
        "At program exit the register R0 is not a known value (\(value.kind.logName))",
        register: 0)
    }
    guard value.scalar.signedMinimum >= range.lowerBound,
      value.scalar.signedMaximum <= range.upperBound
    else {
      throw .invalid(
        "At program exit the register R0 has \(value.scalar.rangeText) should have been in "
          + "[\(range.lowerBound), \(range.upperBound)]", register: 0)
    }
  }
}

extension Scalar {
  /// The signed bounds, in Linux's words.
  var rangeText: String {
    signedMinimum == .min && signedMaximum == .max
      ? "unknown scalar value" : "smin=\(signedMinimum) smax=\(signedMaximum)"
  }
}

extension ProgramType {
  /// The C structures that stand for the context in a function's type.
  var contextStructures: Set<String> {
    switch number {
    case 1, 3, 4, 8, 10, 11, 12, 14, 19, 22: ["__sk_buff"]
    case 2: ["pt_regs", "user_regs_struct", "bpf_user_pt_regs_t"]
    case 6: ["xdp_md"]
    case 7: ["bpf_perf_event_data"]
    case 9: ["bpf_sock"]
    case 13: ["bpf_sock_ops"]
    case 15: ["bpf_cgroup_dev_ctx"]
    case 16: ["sk_msg_md"]
    case 17, 24: ["bpf_raw_tracepoint_args"]
    case 18: ["bpf_sock_addr"]
    case 21: ["sk_reuseport_md"]
    case 23: ["bpf_sysctl"]
    case 25: ["bpf_sockopt"]
    case 30: ["bpf_sk_lookup"]
    case 32: ["bpf_nf_ctx"]
    default: [name]
    }
  }
}
