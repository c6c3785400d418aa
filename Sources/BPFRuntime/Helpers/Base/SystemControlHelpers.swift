// Helpers of programs that decide about knobs under `/proc/sys`.
//
// Relies on the checked signature: buffers are the program's for the size that is given. The
// context is read only where it is the struct that these programs have.

extension Helper {
  /// What programs of the type `cgroup_sysctl` may call; see ``Environment/systemControl``.
  static let systemControl: [Helper] = [
    systemControlName, systemControlValue, systemControlNewValue, setSystemControlNewValue,
  ]

  /// `bpf_sysctl_get_name`: the name as text; with flag 1 only what comes after the last slash.
  /// Returns its bytes without the zero; E2BIG when it was cut short, EINVAL when there is no knob.
  static let systemControlName = Helper(
    number: 101, name: "sysctl_get_name",
    arguments: [.context, .writableMemory(), .size(), .anything]
  ) { _, buffer, size, flags, _, cpu in
    let count = Int(size.asUInt32)
    guard let control = RunningCPU(address: cpu).systemControl else {
      GuestMemory.clear(buffer, count: count)
      return LinuxError.invalid.helperResult
    }
    var name = Array(control.name.utf8)
    if flags & 1 != 0, let slash = name.lastIndex(of: UInt8(ascii: "/")) {
      name.removeSubrange(...slash)
    }
    let result = name.prefix(max(count - 1, 0)) + [0]
    GuestMemory.write(Array(result), to: buffer)
    return name.count < count ? UInt64(name.count) : LinuxError.tooBig.helperResult
  }

  /// `bpf_sysctl_get_current_value`: what the knob is set to, then zeros; returns its bytes. E2BIG
  /// when it was cut short, EINVAL when there is none.
  static let systemControlValue = Helper(
    number: 102, name: "sysctl_get_current_value",
    arguments: [.context, .writableMemory(), .size()]
  ) { _, buffer, size, _, _, cpu in
    copy(RunningCPU(address: cpu).systemControl?.currentValue ?? [], to: buffer, size)
  }

  /// `bpf_sysctl_get_new_value`: what somebody wants to write; otherwise as the current value.
  static let systemControlNewValue = Helper(
    number: 103, name: "sysctl_get_new_value",
    arguments: [.context, .writableMemory(), .size()]
  ) { _, buffer, size, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    let value = cpu.writesSystemControl ? cpu.systemControl?.newValue : nil
    return copy(value ?? [], to: buffer, size)
  }

  /// `bpf_sysctl_set_new_value`: what shall be written instead. EINVAL when nothing is written,
  /// E2BIG for a page or more.
  static let setSystemControlNewValue = Helper(
    number: 104, name: "sysctl_set_new_value",
    arguments: [.context, .readableMemory(), .size()]
  ) { _, buffer, size, _, _, cpu in
    let cpu = RunningCPU(address: cpu)
    let size = size.asUInt32
    guard cpu.writesSystemControl, cpu.systemControl?.newValue.isEmpty == false else {
      return LinuxError.invalid.helperResult
    }
    guard size < UInt64(PacketForm.pageByteCount) else { return LinuxError.tooBig.helperResult }
    let value = GuestMemory.bytes(at: buffer, count: Int(size))
    cpu.withOwner { owner in
      owner.environment.systemControl?.newValue = value
      owner.environment.systemControl?.isChanged = true
    }
    return 0
  }

  private static func copy(_ value: [UInt8], to buffer: UInt64, _ size: UInt64) -> UInt64 {
    let count = Int(size.asUInt32)
    GuestMemory.clear(buffer, count: count)
    guard !value.isEmpty else { return LinuxError.invalid.helperResult }
    if value.count < count {
      GuestMemory.write(value, to: buffer)
      return UInt64(value.count)
    }
    // The last byte is a zero, whatever there was room for.
    GuestMemory.write(Array(value.prefix(max(count - 1, 0))), to: buffer)
    return LinuxError.tooBig.helperResult
  }
}

extension RunningCPU {
  fileprivate var systemControl: SystemControl? { withOwner { $0.environment.systemControl } }

  /// Whether the context, `struct bpf_sysctl`, says that the knob is written.
  fileprivate var writesSystemControl: Bool {
    plainContextByteCount == 8 && GuestMemory.load(context, as: UInt32.self) != 0
  }
}
