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
  /// `bpf_get_current_pid_tgid`: the process in the upper, the thread in the lower 32 bits.
  public static let currentProcess = Helper(
    number: 14, name: "get_current_pid_tgid", arguments: []
  ) { _, _, _, _, _, _ in
    let process = UInt64(UInt32(bitPattern: getpid()))
    return process &<< 32 | UInt64(UInt32(bitPattern: switchyard_thread_id()))
  }

  /// `bpf_get_current_uid_gid`: the group in the upper, the user in the lower 32 bits.
  public static let currentUser = Helper(
    number: 15, name: "get_current_uid_gid", arguments: []
  ) { _, _, _, _, _, _ in UInt64(getgid()) &<< 32 | UInt64(getuid()) }

  /// `bpf_get_current_comm`: the name of the thread, at most 15 bytes, filled up with zeros.
  public static let currentCommand = Helper(
    number: 16, name: "get_current_comm", arguments: [.writableMemory(), .size()]
  ) { buffer, size, _, _, _, _ in
    var name = [CChar](repeating: 0, count: 64)
    guard unsafe switchyard_thread_name(&name) == 0 else {
      return LinuxError.invalid.helperResult
    }
    let bytes = name.prefix(15).prefix { $0 != 0 }.map { UInt64(UInt8(bitPattern: $0)) }
    // The size is 32 bits wide in Linux, and the last byte stays zero.
    let size = size.asUInt32
    GuestMemory.clear(buffer, count: Int(size))
    for (offset, byte) in bytes.enumerated() where UInt64(offset) + 1 < size {
      GuestMemory.store(buffer &+ UInt64(offset), byte, as: UInt8.self)
    }
    return 0
  }
}
