public import BPFInstructions
import BPFRuntime

/// A program with the verdict of Linux's verifier: one case of the files in `Fixtures/verifier`,
/// whose README describes the format.
public struct VerifierCase: Hashable, Sendable {
  /// The file's name, without folder and ending: the class of the case.
  public var group: String
  /// What the case is about; unique in its file.
  public var name: String
  /// The line that begins the case, from 1.
  public var line: Int
  /// The line that holds the verdict, from 1.
  public var verdictLine = 0
  /// Linux's name of the program type, such as `sched_cls`.
  public var programType = "xdp"
  /// Linux's name of the attach type; `nil` when the program type needs none.
  public var attachType: String?
  /// The program's licence.
  public var license = "GPL"
  /// The maps that the program may refer to, by name; only those that it does are created.
  public var maps: [Map] = []
  /// The types of the functions, the program itself not included; empty without BTF.
  public var functions: [Function] = []
  /// The program, for ``assembled()``.
  public var assembly = ""
  /// Whether the program may sleep.
  public var isSleepable = false
  /// Whether the rules for people without privileges hold.
  public var isStrict = false
  /// The packet of a test run; `nil` when the program is only verified.
  public var packet: [UInt8]?
  /// What Linux says.
  public var verdict = Verdict.accept(returnValue: nil)

  /// A case without a program.
  public init(group: String, name: String, line: Int) {
    self.group = group
    self.name = name
    self.line = line
  }

  /// What a verifier says of a program.
  public enum Verdict: Hashable, Sendable {
    /// It is safe; with what the test run returns, if there is one.
    case accept(returnValue: UInt32?)
    /// It is refused with this errno, by name, and this last line of the log before the totals.
    case reject(errno: String, message: String)
  }

  /// A map that cases refer to.
  public struct Map: Hashable, Sendable {
    /// The name in `map[...]`.
    public var name: String
    /// Linux's name of the map type, such as `percpu_hash`.
    public var type: String
    /// Bytes of a key.
    public var keySize: UInt32
    /// Bytes of a value.
    public var valueSize: UInt32
    /// Most entries.
    public var maxEntries: UInt32
    /// `BPF_F_*` of map creation.
    public var flags: UInt32
    /// Whether user space can no longer change it.
    public var isFrozen: Bool
    /// The values of an array, by index; the others are zero.
    public var values: [UInt32: [UInt8]]
    /// Where a spin lock is in the value, if there is one.
    public var lockOffset: UInt32?
    /// Where a timer is in the value, if there is one.
    public var timerOffset: UInt32?

    /// Describes a map.
    public init(
      name: String, type: String, keySize: UInt32 = 4, valueSize: UInt32 = 4,
      maxEntries: UInt32 = 1, flags: UInt32 = 0, isFrozen: Bool = false,
      values: [UInt32: [UInt8]] = [:]
    ) {
      self.name = name
      self.type = type
      self.keySize = keySize
      self.valueSize = valueSize
      self.maxEntries = maxEntries
      self.flags = flags
      self.isFrozen = isFrozen
      self.values = values
    }

    /// Linux's number of the map type.
    public var typeNumber: UInt32 { UInt32(LinuxNames.mapTypes.firstIndex(of: type) ?? 0) }
  }

  /// The type of a subprogram.
  public struct Function: Hashable, Sendable {
    /// The label in the program where it starts.
    public var name: String
    /// Whether it is verified on its own, with its types only.
    public var isGlobal: Bool
    /// What it returns.
    public var result: ValueType
    /// What it takes.
    public var parameters: [ValueType]

    /// Describes a function.
    public init(name: String, isGlobal: Bool, result: ValueType, parameters: [ValueType]) {
      self.name = name
      self.isGlobal = isGlobal
      self.result = result
      self.parameters = parameters
    }
  }

  /// The type of a parameter or result.
  public enum ValueType: Hashable, Sendable {
    /// Nothing.
    case void
    /// A signed integer of four bytes.
    case int
    /// An unsigned integer of 1, 4 or 8 bytes.
    case unsigned(byteCount: UInt32)
    /// The context of the program type.
    case context
    /// A pointer to so many bytes, which may be null unless it is tagged as never null.
    case memory(byteCount: UInt32, isNonNull: Bool)
  }

  /// Linux's number of ``programType``.
  public var programTypeNumber: UInt32 {
    UInt32(LinuxNames.programTypes.firstIndex(of: programType) ?? 0)
  }

  /// Linux's number of ``attachType``; zero when there is none.
  public var attachTypeNumber: UInt32 {
    attachType.flatMap { LinuxNames.attachTypes[$0] } ?? 0
  }

  /// The C structure that the program gets.
  public var contextStructure: String {
    switch programType {
    case "xdp": "xdp_md"
    case "kprobe": "bpf_user_pt_regs_t"
    case "perf_event": "bpf_perf_event_data"
    case "cgroup_sock": "bpf_sock"
    case "sock_ops": "bpf_sock_ops"
    case "cgroup_device": "bpf_cgroup_dev_ctx"
    case "sk_msg": "sk_msg_md"
    case "raw_tracepoint", "raw_tracepoint_writable": "bpf_raw_tracepoint_args"
    case "cgroup_sock_addr": "bpf_sock_addr"
    case "sk_reuseport": "sk_reuseport_md"
    case "cgroup_sysctl": "bpf_sysctl"
    case "cgroup_sockopt": "bpf_sockopt"
    case "sk_lookup": "bpf_sk_lookup"
    case "netfilter": "bpf_nf_ctx"
    default: "__sk_buff"
    }
  }

  /// Whether Linux accepts the program.
  public var isAccepted: Bool {
    if case .accept = verdict { true } else { false }
  }

  /// The program's slots, with the slots that refer to maps, and the labels.
  ///
  /// - Throws: `AssemblyError`, also for a map that is not declared.
  public func assembled() throws(AssemblyError) -> AssembledProgram {
    let names = Set(maps.map(\.name))
    let assembler = Assembler(
      helperNumber: HelperNames.number(of:),
      mapDescriptor: { names.contains($0) ? 0 : nil })
    return try assembler.assemble(assembly)
  }

  /// The packet of a test run that names none: 64 bytes that count up from zero.
  public static let defaultPacket = [UInt8](0..<64)

  /// The cases of all files, in order.
  ///
  /// - Throws: ``FormatError``, or what reading the files gives.
  public static var all: [VerifierCase] {
    get throws { try files.flatMap { try parse(Fixtures.text("verifier/\($0)"), file: $0) } }
  }

  /// The names of the files, in order.
  public static var files: [String] {
    get throws { try Fixtures.files(in: "verifier", endingIn: ".vt") }
  }

  /// A file that does not keep to the format.
  public struct FormatError: Error, CustomStringConvertible {
    /// File, line and what is wrong there.
    public var description: String
  }

  /// Reads the cases of one file.
  public static func parse(_ text: String, file: String) throws -> [VerifierCase] {
    var parser = VerifierCaseParser(file: file)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      try parser.take(String(line))
    }
    return try parser.finish()
  }
}

extension VerifierCase: CustomStringConvertible {
  /// `packet.vt:3: one byte after comparing one byte`.
  public var description: String { "\(group).vt:\(line): \(name)" }
}

extension VerifierCase.Verdict: CustomStringConvertible {
  /// The verdict as a file has it after `-- `.
  public var description: String {
    switch self {
    case .accept(nil): "accept"
    case .accept(let value?): "accept 0x" + String(value, radix: 16)
    case .reject(let errno, let message):
      message.isEmpty ? "reject \(errno)" : "reject \(errno): \(message)"
    }
  }
}
