/// What programs on a CPU can find out about the world, besides their context and their maps.
///
/// Everything has a default that touches nothing of the host: no memory can be probed, there are no
/// routes and no sockets, and signals go nowhere. Only who runs the program is the host's process,
/// unless something else is declared.
///
/// ```swift
/// var environment = Environment()
/// environment.process = .declared(ProcessIdentity(process: 7, thread: 8))
/// environment.memory.add(DeclaredMemory(at: 0xffff_8880_0000_0000, bytes: task))
/// cpu.environment = environment
/// ```
public struct Environment {
  /// Who runs the program.
  public enum Process: Sendable {
    /// The process that the CPU belongs to.
    case host
    /// One of the embedder's, for results that are the same every time.
    case declared(ProcessIdentity)
  }

  /// Who runs the program: what `bpf_get_current_pid_tgid` and its like return.
  public var process = Process.host
  /// What `bpf_probe_read` and its like can read besides the program's own memory.
  public var memory = ProbedMemory()
  /// What `bpf_fib_lookup` looks through.
  public var routes = RouteTable()
  /// The sockets that `bpf_sk_lookup_tcp` and its like find.
  public var sockets = SocketTable.empty
  /// What hook the program hangs on.
  public var hook = HookIdentity()
  /// Receives the signals of `bpf_send_signal`; without one they are refused with EPERM. Called in
  /// the middle of a run, so it must not run anything on this CPU.
  public var signalHandler: ((Signal) -> LinuxError?)?
  /// What `bpf_setsockopt` and `bpf_getsockopt` work on.
  public var socketOptions = SocketOptions()

  /// How listeners in ``sockets`` answer with SYN cookies.
  public var synCookies = SYNCookies()
  /// The knob that programs of the type `cgroup_sysctl` are asked about.
  public var systemControl: SystemControl?

  /// Declares nothing.
  public init() {}
}

/// Who runs a program.
public struct ProcessIdentity: Hashable, Sendable {
  /// Number of the process.
  public var process: UInt32
  /// Number of the thread.
  public var thread: UInt32
  /// Number of the user.
  public var user: UInt32
  /// Number of the group.
  public var group: UInt32
  /// The command's name: at most 15 bytes are seen.
  public var command: String
  /// The address of the task, which is only a number unless memory is declared there.
  public var taskAddress: UInt64
  /// Number of the control group.
  public var controlGroup: UInt64
  /// Number of the network's name space, from 1.
  public var networkNamespace: UInt64
  /// Class of its control group for network traffic (`bpf_get_cgroup_classid`).
  public var trafficClass: UInt32

  /// Describes a thread.
  public init(
    process: UInt32 = 0, thread: UInt32 = 0, user: UInt32 = 0, group: UInt32 = 0,
    command: String = "", taskAddress: UInt64 = 0, controlGroup: UInt64 = 1,
    networkNamespace: UInt64 = 1, trafficClass: UInt32 = 0
  ) {
    self.process = process
    self.thread = thread
    self.user = user
    self.group = group
    self.command = command
    self.taskAddress = taskAddress
    self.controlGroup = controlGroup
    self.networkNamespace = networkNamespace
    self.trafficClass = trafficClass
  }
}

/// What a program hangs on.
public struct HookIdentity: Hashable, Sendable {
  /// What `bpf_get_attach_cookie` returns: a number that was given when it was attached.
  public var cookie: UInt64 = 0
  /// What `bpf_get_func_ip` returns: the address of the probed function.
  public var functionAddress: UInt64 = 0
  /// What `bpf_get_socket_cookie` returns for the socket that the packet or the context is about;
  /// 0 when there is none.
  public var socketCookie: UInt64 = 0
  /// What the hooked function is to return instead: what `bpf_override_return` asked for.
  public internal(set) var overriddenReturn: UInt64?
  /// What the hook returns: `bpf_get_retval` reads it, `bpf_set_retval` changes it.
  public var returnValue: Int32 = 0

  /// Describes a hook.
  public init(cookie: UInt64 = 0, functionAddress: UInt64 = 0, socketCookie: UInt64 = 0) {
    self.cookie = cookie
    self.functionAddress = functionAddress
    self.socketCookie = socketCookie
  }
}

/// A signal that a program sends to whoever runs it.
public struct Signal: Hashable, Sendable {
  /// Number of the signal, 0 to 64.
  public var number: Int32
  /// Whether it is for the thread and not for the process.
  public var isForThread: Bool
}

/// The options of the socket that a program works on, by level and name.
public struct SocketOptions: Sendable {
  /// An option.
  public struct Key: Hashable, Sendable {
    /// `SOL_SOCKET` (1), `SOL_TCP` (6) and so on.
    public var level: Int32
    /// Number of the option.
    public var name: Int32

    /// Names an option.
    public init(level: Int32, name: Int32) {
      self.level = level
      self.name = name
    }
  }

  /// The bytes of each option that there is. Setting one that there is not is EINVAL.
  public var values: [Key: [UInt8]] = [:]

  /// No options at all.
  public init() {}
}
