import BPFObject
import Testing

/// Program types by section name.
@Suite struct SectionNameTests {
  @Test(arguments: [
    ("xdp", 6, 37), ("xdp/devmap", 6, 33), ("xdp.frags/cpumap", 6, 35), ("xdp_drop", 6, 37),
    ("tc", 3, 0), ("tc/ingress", 3, 46), ("tcx/egress", 3, 47), ("classifier/x", 3, 0),
    ("action", 4, 0), ("socket", 1, 0), ("socket3", 1, 0), ("kprobe/sys_read", 2, 0),
    ("tracepoint/a/b", 5, 0), ("tp/a/b", 5, 0), ("raw_tp/x", 17, 0), ("cgroup_skb/egress", 8, 1),
    ("lwt_in", 10, 0), ("sk_skb/stream_verdict", 14, 5), ("sockops", 13, 3), ("sk_msg", 16, 7),
    ("flow_dissector", 22, 17), ("cgroup/connect4", 18, 10), ("struct_ops/init", 27, 0),
    ("perf_event", 7, 0), ("syscall", 31, 0), ("lsm.s/file_open", 29, 27), ("?tc", 3, 0),
  ]) func `A known name gives type and attach type`(
    _ name: String, _ type: UInt32, _ attachType: UInt32
  ) throws {
    let kind = try #require(ProgramKind(sectionName: name))
    #expect(kind.type == type)
    #expect(kind.expectedAttachType == attachType)
  }

  @Test(arguments: ["", "2/0", "my/own/section", ".text", "tcpdump", "kprobes"])
  func `Any other name gives nothing`(_ name: String) {
    #expect(ProgramKind(sectionName: name) == nil)
  }

  @Test func `Suffixes are kept apart`() {
    #expect(ProgramKind(sectionName: "xdp.frags")?.xdpHasFrags == true)
    #expect(ProgramKind(sectionName: "xdp")?.xdpHasFrags == false)
    #expect(ProgramKind(sectionName: "fentry.s/vfs_read")?.isSleepable == true)
    #expect(ProgramKind(sectionName: "fentry.s/vfs_read")?.target == "vfs_read")
  }
}
