// UNSAFE. Asks the system who runs the program: the host process, for want of another.
//
// Invariant: the name goes to a local array whose size the system is told, and from there to
// memory that was tested against the helper's signature.

import CPlatform

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Helper {
  /// What is known of the process that runs the program.
  static let processes: [Helper] = [
    currentProcess, currentUser, currentCommand, currentTask, currentTaskObject,
    currentControlGroup, currentAncestorControlGroup, currentProcessInNamespace,
  ]

  /// `bpf_get_current_pid_tgid`: the process in the upper, the thread in the lower 32 bits.
  public static let currentProcess = Helper(
    number: 14, name: "get_current_pid_tgid", arguments: []
  ) { _, _, _, _, _, cpu in
    if let process = RunningCPU(address: cpu).declaredProcess {
      return UInt64(process.process) &<< 32 | UInt64(process.thread)
    }
    let process = UInt64(UInt32(bitPattern: getpid()))
    return process &<< 32 | UInt64(UInt32(bitPattern: switchyard_thread_id()))
  }

  /// `bpf_get_current_uid_gid`: the group in the upper, the user in the lower 32 bits.
  public static let currentUser = Helper(
    number: 15, name: "get_current_uid_gid", arguments: []
  ) { _, _, _, _, _, cpu in
    if let process = RunningCPU(address: cpu).declaredProcess {
      return UInt64(process.group) &<< 32 | UInt64(process.user)
    }
    return UInt64(getgid()) &<< 32 | UInt64(getuid())
  }

  /// `bpf_get_current_comm`: the name of the thread, at most 15 bytes, filled up with zeros.
  public static let currentCommand = Helper(
    number: 16, name: "get_current_comm", arguments: [.writableMemory(), .size()]
  ) { buffer, size, _, _, _, cpu in
    guard let bytes = RunningCPU(address: cpu).command else {
      return LinuxError.invalid.helperResult
    }
    // The size is 32 bits wide in Linux, and the last byte stays zero.
    let size = Int(size.asUInt32)
    GuestMemory.clear(buffer, count: size)
    GuestMemory.write(Array(bytes.prefix(max(size - 1, 0))), to: buffer)
    return 0
  }

  /// `bpf_get_current_task`: the address of the task, a number for `probe_read_kernel`; 0 unless
  /// the environment declares one.
  static let currentTask = Helper(
    number: 35, name: "get_current_task", arguments: [], isGPLOnly: true
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).declaredProcess?.taskAddress ?? 0 }

  /// `bpf_get_current_task_btf`: the same; programs can only probe it here.
  static let currentTaskObject = Helper(
    number: 158, name: "get_current_task_btf", arguments: [], isGPLOnly: true
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).declaredProcess?.taskAddress ?? 0 }

  /// `bpf_get_current_cgroup_id`: the number of the control group.
  static let currentControlGroup = Helper(
    number: 80, name: "get_current_cgroup_id", arguments: []
  ) { _, _, _, _, _, cpu in RunningCPU(address: cpu).declaredProcess?.controlGroup ?? 1 }

  /// `bpf_get_current_ancestor_cgroup_id`: the root, which is the group itself, at level 0; there
  /// are no others.
  static let currentAncestorControlGroup = Helper(
    number: 123, name: "get_current_ancestor_cgroup_id", arguments: [.anything]
  ) { level, _, _, _, _, cpu in
    level.asInt32 == 0 ? RunningCPU(address: cpu).declaredProcess?.controlGroup ?? 1 : 0
  }

  /// `bpf_get_ns_current_pid_tgid`: process and thread in the name space with a device and a
  /// number, which is not the program's own here: EINVAL, and zeros.
  static let currentProcessInNamespace = Helper(
    number: 120, name: "get_ns_current_pid_tgid",
    arguments: [.anything, .anything, .writableMemory(), .size()]
  ) { _, _, buffer, size, _, _ in
    GuestMemory.clear(buffer, count: Int(size.asUInt32))
    return LinuxError.invalid.helperResult
  }
}

extension RunningCPU {
  /// Who runs the program, if that was declared; otherwise it is the host's process.
  var declaredProcess: ProcessIdentity? {
    withOwner { owner in
      guard case .declared(let identity) = owner.environment.process else { return nil }
      return identity
    }
  }

  /// The name of the command, at most 15 bytes; `nil` if the system does not tell.
  fileprivate var command: [UInt8]? {
    if let process = declaredProcess { return Array(process.command.utf8.prefix(15)) }
    var name = [CChar](repeating: 0, count: 64)
    guard unsafe switchyard_thread_name(&name) == 0 else { return nil }
    return name.prefix(15).prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  }
}
