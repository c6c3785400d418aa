/// Structures of the kernel that helpers hand out and take. Their fields are known to the running
/// kernel's type information only, so nothing here looks inside.
enum KernelObject: UInt8, Hashable, Sendable, CaseIterable {
  case task, cgroup, hookState, socketBuffer, frame, file, socket, inode, path, registers, program
  case tcp6Socket, tcpSocket, tcpWaitingSocket, tcpRequestSocket, udp6Socket, unixSocket
  case multipathSocket
  case memoryArea, perCPUVariable, stored

  /// The structure's name in C.
  var name: String {
    switch self {
    case .task: "task_struct"
    case .cgroup: "cgroup"
    case .hookState: "nf_hook_state"
    case .socketBuffer: "sk_buff"
    case .frame: "xdp_buff"
    case .file: "file"
    case .socket: "socket"
    case .inode: "inode"
    case .path: "path"
    case .registers: "pt_regs"
    case .program: "linux_binprm"
    case .tcp6Socket: "tcp6_sock"
    case .tcpSocket: "tcp_sock"
    case .tcpWaitingSocket: "tcp_timewait_sock"
    case .tcpRequestSocket: "tcp_request_sock"
    case .udp6Socket: "udp6_sock"
    case .unixSocket: "unix_sock"
    case .multipathSocket: "mptcp_sock"
    case .memoryArea: "vm_area_struct"
    case .perCPUVariable: "percpu"
    case .stored: "stored"
    }
  }

  init?(name: String) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// Whether it begins with a `struct sock_common`.
  var isSocket: Bool {
    (Self.tcp6Socket.rawValue...Self.multipathSocket.rawValue).contains(rawValue)
  }

  /// Whether Linux's log calls pointers to it trusted: those that the kernel itself holds on to.
  var isTrusted: Bool { !isSocket && self != .memoryArea }

  /// Linux's word for a pointer to it.
  var typeName: String { (isTrusted ? "trusted_ptr_" : "ptr_") + name }
}

/// Where the memory of a dynptr comes from.
enum DynptrKind: UInt8, Hashable, Sendable {
  /// A map's value.
  case local = 1
  /// A reservation in a ring buffer, which has to be given back.
  case ringBuffer = 2
  /// A sample of a ring buffer that user space fills, as callbacks get it.
  case sample = 3

  /// Linux's word for it.
  var name: String {
    switch self {
    case .local: "local"
    case .ringBuffer: "ringbuf"
    case .sample: "local"
    }
  }
}
