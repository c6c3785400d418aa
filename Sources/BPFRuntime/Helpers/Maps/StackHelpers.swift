/// Which call stack a program asks for.
public enum StackOrigin: Hashable, Sendable {
  /// That of the code that the program hangs on.
  case kernel
  /// That of the process (`BPF_F_USER_STACK`).
  case user
}

extension Helper {
  /// What programs do with call stacks.
  static let stacks: [Helper] = [stackNumber, stackAddresses]

  private static let skipMask: UInt64 = 0xff
  private static let userStack: UInt64 = 1 << 8
  private static let comparesHash: UInt64 = 1 << 9
  private static let replaces: UInt64 = 1 << 10
  private static let buildID: UInt64 = 1 << 11

  /// `bpf_get_stackid`: stores the stack that ``CPU/stackHandler`` gives in a STACK_TRACE map and
  /// returns its number. EINVAL for other flags, EFAULT when there is no stack beyond what is
  /// skipped, EEXIST when another one has the number.
  static let stackNumber = Helper(
    number: 27, name: "get_stackid", arguments: [.context, .map, .anything], isGPLOnly: true
  ) { _, map, flags, _, _, cpu in
    guard flags & ~(skipMask | userStack | comparesHash | replaces) == 0 else {
      return LinuxError.invalid.helperResult
    }
    let stack = stack(flags, RunningCPU(address: cpu))
    guard !stack.isEmpty else { return LinuxError.badAddress.helperResult }
    let result = StackTraceMap.with(map) { map in
      map.store(
        Array(stack), comparesHashOnly: flags & comparesHash != 0, replaces: flags & replaces != 0)
    }
    return switch result {
    case nil: LinuxError.invalid.helperResult
    case .failure(let error)?: error.helperResult
    case .success(let number)?: UInt64(number)
    }
  }

  /// `bpf_get_stack`: the addresses themselves, and how many bytes they are. EINVAL for other
  /// flags, for build identifiers, which nobody knows here, and for a size that is no multiple of
  /// 8; EFAULT when there is no stack. Zeros behind the addresses, and after any error.
  static let stackAddresses = Helper(
    number: 67, name: "get_stack",
    arguments: [.context, .writableMemory(), .size(allowsZero: true), .anything], isGPLOnly: true
  ) { _, buffer, size, flags, _, cpu in
    let size = size.asUInt32
    GuestMemory.clear(buffer, count: Int(size))
    guard flags & ~(skipMask | userStack) == 0, size % 8 == 0 else {
      return LinuxError.invalid.helperResult
    }
    let stack = stack(flags, RunningCPU(address: cpu)).prefix(Int(size / 8))
    guard !stack.isEmpty || size == 0 else { return LinuxError.badAddress.helperResult }
    for (index, address) in stack.enumerated() {
      GuestMemory.store(buffer &+ UInt64(index) &* 8, address, as: UInt64.self)
    }
    return UInt64(stack.count) &* 8
  }

  private static func stack(_ flags: UInt64, _ cpu: RunningCPU) -> ArraySlice<UInt64> {
    let origin = flags & userStack == 0 ? StackOrigin.kernel : .user
    let all = cpu.withOwner { $0.stackHandler?(origin) } ?? []
    return all.dropFirst(Int(flags & skipMask))
  }
}
