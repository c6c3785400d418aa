import BPFKernel
import BPFRuntime
import Foundation
import TestSupport
import Testing

@testable import BPFVerifier

@Suite("Every helper takes what Linux's takes", .requiresKernel)
struct HelperProbeTests {
  /// Linux's name of the type, and of an attach type.
  static let places: [(type: String, attach: String?)] = [
    ("xdp", nil), ("sched_cls", nil), ("kprobe", nil), ("syscall", nil), ("netfilter", "netfilter"),
    ("socket_filter", nil), ("cgroup_skb", nil), ("lwt_in", nil), ("lwt_xmit", nil),
    ("lwt_seg6local", nil), ("sock_ops", "cgroup_sock_ops"), ("sk_skb", nil),
    ("sk_msg", "sk_msg_verdict"), ("cgroup_sock", "cgroup_inet_sock_create"),
    ("cgroup_sock_addr", "cgroup_inet4_connect"), ("sk_reuseport", "sk_reuseport_select"),
    ("flow_dissector", "flow_dissector"), ("cgroup_sysctl", "cgroup_sysctl"),
    ("cgroup_sockopt", "cgroup_setsockopt"), ("sk_lookup", "sk_lookup"), ("perf_event", nil),
    ("cgroup_device", "cgroup_device"), ("tracepoint", nil), ("raw_tracepoint", nil),
    ("raw_tracepoint_writable", nil), ("lwt_out", nil), ("sched_act", nil),
  ]

  /// Each helper in the first type that has it, and where a type takes it differently.
  private static var probes: [HelperProbe] {
    let isThorough = ProcessInfo.processInfo.environment["SWITCHYARD_PROBES"] == "all"
    var probes: [HelperProbe] = []
    var seen: Set<String> = []
    for (name, attach) in places {
      let number = LinuxNames.programTypes.firstIndex(of: name).map(UInt32.init) ?? 0
      let attachNumber = attach.flatMap { LinuxNames.attachTypes[$0] } ?? 0
      guard let type = ProgramType.described(number: number, expectedAttachType: attachNumber)
      else { continue }
      for helper in Int32(1)...211 where type.permits(helper) && helper != 12 {
        guard let signature = type.signature(of: helper) else { continue }
        guard isThorough || seen.insert("\(helper) \(signature.arguments)").inserted else {
          continue
        }
        probes.append(
          HelperProbe(
            type: name, attach: attach, signature: signature, isSleepable: name == "syscall"))
      }
    }
    return probes
  }

  /// Differences on purpose; `docs/verifier.md` says why: how long a structure of the kernel is,
  /// only the kernel's types say.
  private static func isDeviation(_ error: VerifierError?) -> Bool {
    error?.message.contains("type=trusted_ptr_task_struct expected=fp") == true
  }

  /// A part of the programs, which is another one for each helper, or all of them.
  private static func chosen(_ probe: HelperProbe, _ index: Int) -> Bool {
    ProcessInfo.processInfo.environment["SWITCHYARD_PROBES"] != nil || index == 0
      || (index + Int(probe.signature.number)) % 16 == 0
  }

  @Test(
    "with every kind of value at every argument, and what the result is good for",
    arguments: [false, true])
  func probes(isStrict: Bool) throws {
    var compared = 0
    var accepted = 0
    var unmade: Set<String> = []
    for probe in Self.probes where !isStrict || StrictTests.isOpen(probe.type) {
      for (index, verifierCase) in probe.cases().enumerated() where Self.chosen(probe, index) {
        var verifierCase = verifierCase
        verifierCase.isStrict = isStrict
        let linux: VerifierCase.Verdict
        do {
          linux = try verifierCase.kernelVerdict()
        } catch {
          unmade.insert("\(error)")
          continue
        }
        let program = try #require(try verifierCase.verifierProgram())
        var ours: VerifierError?
        do throws(VerifierError) {
          _ = try Verifier(program, options: VerifierOptions(isStrict: isStrict)).verify()
        } catch {
          ours = error
        }
        compared += 1
        var isAccepted = false
        if case .accept = linux { isAccepted = true }
        if isAccepted { accepted += 1 }
        if (ours == nil) != isAccepted, !Self.isDeviation(ours) {
          let kind = isAccepted ? "false reject" : "false accept"
          Issue.record(
            "\(kind): \(verifierCase): here \(ours?.message ?? "accepted"), Linux \(linux)")
        }
      }
    }
    print(
      "agreement: probes: \(compared) programs, \(accepted) accepted; not made: \(unmade.sorted())")
    #expect(compared > 1000)
  }

  @Test("every helper that any type may call has a signature")
  func signatures() {
    for number in UInt32(1)...32 {
      for attach in [UInt32(0), 10, 22] {
        guard let type = ProgramType.described(number: number, expectedAttachType: attach) else {
          continue
        }
        for helper in Int32(1)...211 where type.permits(helper) && helper != 12 {
          #expect(type.signature(of: helper) != nil, "\(type.name) bpf_\(helper)")
        }
      }
    }
  }
}
