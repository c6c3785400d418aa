import TestSupport

@testable import BPFVerifier

/// Programs that call a helper with everything that a program can hold, one argument at a time.
struct HelperProbe {
  /// Linux's names.
  var type: String
  var attach: String?
  var signature: HelperSignature
  var isSleepable = false

  /// What a register can be given, with the lines that do it; `$` stands for the register.
  static func values(type: String) -> [(name: String, code: String)] {
    var values = common
    switch type {
    case "sched_cls", "xdp", "lwt_xmit", "cgroup_skb", "sk_skb", "lwt_in", "sk_msg",
      "flow_dissector",
      "sk_reuseport", "cgroup_sockopt", "sock_ops":
      values.append(("packet", "$ = r8"))
    default: break
    }
    if canLookUp.contains(type) {
      values += [("socket", "$ = r9"), ("moved socket", "$ = r9\n$ += 4")]
    }
    if taskTypes.contains(type) { values.append(("task", "$ = r9")) }
    values += maps.map { ("map \($0.type)", "$ = map[\($0.name)]") }
    return values
  }

  static let canLookUp: Set<String> = ["sched_cls", "xdp", "sk_skb", "cgroup_sock_addr"]
  static let taskTypes: Set<String> = [
    "kprobe", "tracepoint", "perf_event", "syscall", "netfilter",
  ]

  private static let common: [(name: String, code: String)] = [
    ("context", "$ = r6"), ("moved context", "$ = r6\n$ += 8"), ("zero", "$ = 0"),
    ("eight", "$ = 8"), ("minus one", "$ = -1"), ("unknown", "$ = r7"),
    ("up to seven", "$ = r7\n$ &= 7"), ("one to eight", "$ = r7\n$ &= 7\n$ += 1"),
    ("stack", "$ = r10\n$ += -64"), ("odd stack", "$ = r10\n$ += -63"),
    ("stack never written", "$ = r10\n$ += -160"),
    ("stack with an address", "*(u64 *)(r10 -168) = r10\n$ = r10\n$ += -168"),
    ("edge of the stack", "$ = r10\n$ += -4"), ("above the stack", "$ = r10"),
    ("value", "$ = map[values][0]+0"), ("end of a value", "$ = map[values][0]+60"),
    ("constant text", "$ = map[text][0]+0"), ("function", "$ = function[callback]"),
  ]

  static let maps: [VerifierCase.Map] = {
    func map(
      _ type: String, key: UInt32 = 4, value: UInt32 = 8, entries: UInt32 = 4, flags: UInt32 = 0
    )
      -> VerifierCase.Map
    {
      VerifierCase.Map(
        name: "m_\(type)", type: type, keySize: key, valueSize: value, maxEntries: entries,
        flags: flags)
    }
    return [
      map("hash"), map("array"), map("prog_array", value: 4), map("perf_event_array", value: 4),
      map("percpu_hash"), map("percpu_array"), map("stack_trace"), map("cgroup_array", value: 4),
      map("lru_hash"), map("lru_percpu_hash"), map("lpm_trie", key: 8, flags: 1),
      map("array_of_maps", value: 4), map("hash_of_maps", value: 4), map("devmap", value: 4),
      map("sockmap", value: 4), map("cpumap", value: 4), map("xskmap", value: 4),
      map("sockhash", value: 4), map("cgroup_storage", key: 16, entries: 0),
      map("reuseport_sockarray", value: 8), map("percpu_cgroup_storage", key: 16, entries: 0),
      map("queue", key: 0), map("stack", key: 0), map("sk_storage", entries: 0, flags: 1),
      map("devmap_hash", value: 4), map("ringbuf", key: 0, value: 0, entries: 4096),
      map("inode_storage", entries: 0, flags: 1), map("task_storage", entries: 0, flags: 1),
      map("bloom_filter", key: 0), map("user_ringbuf", key: 0, value: 0, entries: 4096),
      map("cgrp_storage", entries: 0, flags: 1),
    ]
  }()

  private static let values: VerifierCase.Map = {
    var map = VerifierCase.Map(name: "values", type: "array", valueSize: 64)
    map.values = [:]
    return map
  }()

  private static let text: VerifierCase.Map = {
    var map = VerifierCase.Map(
      name: "text", type: "array", valueSize: 8, flags: 0x80, isFrozen: true)
    map.values = [0: Array("abc".utf8)]
    return map
  }()

  private static let timed: VerifierCase.Map = {
    var map = VerifierCase.Map(name: "timed", type: "array", valueSize: 64)
    map.timerOffset = 16
    return map
  }()

  private static let locked: VerifierCase.Map = {
    var map = VerifierCase.Map(name: "locked", type: "array", valueSize: 64)
    map.lockOffset = 8
    return map
  }()

  /// What fits an argument; `nil` if nothing that a program can hold does.
  private func fitting(_ argument: HelperSignature.Argument, position: Int) -> String? {
    switch argument {
    case .anything: return signature.number == 171 ? "$ = 0" : "$ = 8"
    case .context, .contextOrNull: return "$ = r6"
    case .map: return "$ = map[\(signature.number == 169 ? "timed" : fittingMap)]"
    case .mapKey, .mapValue, .newMapValue, .memory, .alignedMemory, .fixedMemory:
      if signature.number == 197 { return "$ = map[values][0]+0" }
      if ["m_sockmap", "m_sockhash"].contains(fittingMap), argument == .mapValue {
        return "$ = r9"
      }
      return "$ = r10\n$ += -64"
    case .mapValueOrNull: return "$ = 0"
    case .size: return "$ = 8"
    case .constantText: return "$ = map[text][0]+0"
    case .callback: return "$ = function[callback]"
    case .callbackData: return "$ = 0"
    case .socket: return "$ = r9"
    case .kernelObject(let object, let orNull):
      return orNull ? "$ = 0" : object == .task && Self.taskTypes.contains(type) ? "$ = r9" : nil
    case .allocationSize: return "$ = 8"
    case .lock: return "$ = map[locked][0]+8"
    case .timer: return "$ = map[timed][0]+16"
    case .dynptr(.made): return "$ = r10\n$ += -96"
    case .dynptr, .reservation, .objectPlace: return "$ = r10\n$ += -96"
    }
  }

  private var fittingMap: String {
    let types: [Int32: String] = [
      12: "prog_array", 22: "perf_event_array", 25: "perf_event_array", 27: "stack_trace",
      33: "cgroup_array", 37: "cgroup_array", 51: "devmap", 52: "sockmap", 53: "sockmap",
      55: "perf_event_array", 60: "sockmap", 70: "sockhash", 71: "sockhash", 72: "sockhash",
      81: "cgroup_storage", 82: "reuseport_sockarray", 87: "queue", 88: "queue", 89: "queue",
      107: "sk_storage", 108: "sk_storage", 130: "ringbuf", 131: "ringbuf", 134: "ringbuf",
      156: "task_storage", 157: "task_storage", 195: "percpu_array", 198: "ringbuf",
      209: "user_ringbuf", 210: "cgrp_storage", 211: "cgrp_storage",
    ]
    return "m_" + (types[signature.number] ?? "hash")
  }

  /// One program for each value at each argument, and with each use of the result.
  func cases() -> [VerifierCase] {
    var lines: [String] = []
    for (position, argument) in signature.arguments.enumerated() {
      lines.append((fitting(argument, position: position) ?? "$ = 0").register(position + 1))
    }
    var cases = [
      made("as it should be", lines, after: ""),
      made("result read", lines, after: "r0 = *(u8 *)(r0 +0)"),
      made(
        "result read when there is one", lines, after: "if r0 == 0 goto out\nr0 = *(u32 *)(r0 +4)"),
      made("result written", lines, after: "if r0 == 0 goto out\n*(u32 *)(r0 +4) = 1"),
      made("packet read after", lines, after: "r0 = *(u8 *)(r8 +0)"),
      made("filled memory read", lines, after: "r0 = *(u64 *)(r10 -64)\nr0 = *(u8 *)(r10 -57)"),
    ]
    for position in signature.arguments.indices {
      for value in Self.values(type: type) {
        var changed = lines
        changed[position] = value.code.register(position + 1)
        cases.append(made("r\(position + 1) is \(value.name)", changed, after: ""))
      }
    }
    return cases
  }

  private func made(_ name: String, _ arguments: [String], after: String) -> VerifierCase {
    var result = VerifierCase(
      group: "\(type)\(attach.map { "/" + $0 } ?? "")", name: "\(signature.name): \(name)", line: 0)
    result.programType = type
    result.attachType = attach
    result.isSleepable = isSleepable
    result.maps = Self.maps + [Self.values, Self.text, Self.timed, Self.locked]
    let call = signature.number == 12 ? "tail_call" : signature.name
    result.assembly =
      Self.start(type) + "\n" + arguments.joined(separator: "\n") + "\ncall \(call)\n" + after
      + "\nout: r0 = 1\nexit\n"
    if result.assembly.contains("function[callback]") {
      result.assembly += "callback: r0 = 0\nexit\n"
      result.functions = [
        VerifierCase.Function(name: "callback", isGlobal: false, result: .int, parameters: [])
      ]
    }
    return result
  }

  /// Fills stack and registers: context in r6, a number in r7, the packet in r8, a handle in r9.
  private static func start(_ type: String) -> String {
    var code = """
      r6 = r1
      r1 = 0
      *(u64 *)(r10 -96) = r1
      *(u64 *)(r10 -88) = r1
      *(u64 *)(r10 -80) = r1
      *(u64 *)(r10 -72) = r1
      *(u64 *)(r10 -64) = r1
      *(u64 *)(r10 -56) = r1
      *(u64 *)(r10 -48) = r1
      *(u64 *)(r10 -40) = r1
      *(u64 *)(r10 -32) = r1
      *(u64 *)(r10 -24) = r1
      *(u64 *)(r10 -16) = r1
      *(u64 *)(r10 -8) = r1
      r8 = r6
      r9 = 0
      call ktime_get_ns
      r7 = r0

      """
    if canLookUp.contains(type) {
      code += """
        r1 = r6
        r2 = r10
        r2 += -64
        r3 = 12
        r4 = 0
        r5 = 0
        call sk_lookup_udp
        if r0 == 0 goto out
        r9 = r0

        """
    } else if taskTypes.contains(type) {
      code += "call get_current_task_btf\nr9 = r0\n"
    }
    let (offset, end, size) = packetFields[type] ?? (0, 0, "")
    if !size.isEmpty {
      code += """
        r8 = *(\(size) *)(r6 +\(offset))
        r1 = *(\(size) *)(r6 +\(end))
        r2 = r8
        r2 += 64
        if r2 > r1 goto out
        """
    }
    return code
  }

  private static let packetFields: [String: (Int, Int, String)] = [
    "xdp": (0, 4, "u32"), "sched_cls": (76, 80, "u32"), "cgroup_skb": (76, 80, "u32"),
    "lwt_in": (76, 80, "u32"), "lwt_xmit": (76, 80, "u32"), "sk_skb": (76, 80, "u32"),
    "flow_dissector": (76, 80, "u32"), "sk_msg": (0, 8, "u64"), "sk_reuseport": (0, 8, "u64"),
    "sock_ops": (192, 200, "u64"), "cgroup_sockopt": (8, 16, "u64"),
  ]
}

extension String {
  /// The lines with a register in the place of `$`.
  fileprivate func register(_ number: Int) -> String { replacing("$", with: "r\(number)") }
}
