import BPFInstructions
import BPFObject
import BPFRuntime

// Arguments that are handles: sockets, structures of the kernel, locks, timers.
extension Explorer {
  mutating func checkSocketArgument(
    _ register: Register, _ value: RegisterState, _ signature: HelperSignature,
    _ accepted: HelperSignature.AcceptedSockets, orNull: Bool, _ facts: inout CallFacts
  ) throws(Refusal) {
    let number = Int(register.rawValue)
    if orNull, value.isZero { return needsPrecisely(value) }
    let kind = orNull ? value.kind.nonNull : value.kind
    let isAccepted =
      switch kind {
      case .socket:
        accepted != .full || value.detail == HelperSignature.Socket.full.rawValue
      // A task or a file is no socket, whatever else is known of it.
      case .kernelObject: accepted == .anyOrObject && value.kernelObject?.isSocket == true
      default: false
      }
    guard isAccepted else {
      if kind == .kernelObject, accepted == .anyOrObject {
        throw .access(
          "R\(number) is of type \(value.kernelObject?.name ?? "") but sock_common is expected",
          register: number)
      }
      throw .access(
        "R\(number) type=\(value.typeName) expected=\(accepted.names)", register: number)
    }
    if signature.releases, position(register, in: signature) == 0 {
      guard value.fixedOffset == 0 else {
        throw .invalid(
          "R\(number) must have zero offset when passed to release func or trusted arg to kfunc",
          register: number)
      }
      guard value.reference != 0 else {
        throw .invalid(
          "R\(number) must be referenced when passed to release function", register: number)
      }
      facts.released = value.reference
    }
    try checkUnmodified(register, value)
    facts.socket = value
  }

  private func position(_ register: Register, in signature: HelperSignature) -> Int {
    Int(register.rawValue) - 1
  }

  mutating func checkObject(
    _ register: Register, _ value: RegisterState, _ object: KernelObject, orNull: Bool,
    _ facts: inout CallFacts
  ) throws(Refusal) {
    let number = Int(register.rawValue)
    if orNull, value.isZero { return needsPrecisely(value) }
    guard value.kind == .kernelObject else {
      let names = object == .perCPUVariable ? "percpu_ptr_" : "ptr_, trusted_ptr_, rcu_ptr_"
      throw .access("R\(number) type=\(value.typeName) expected=\(names)", register: number)
    }
    guard value.kernelObject == object else {
      throw .access(
        "R\(number) is of type \(value.kernelObject?.name ?? "") but \(object.name) is expected",
        register: number)
    }
    try checkUnmodified(register, value)
  }

  func checkLock(
    _ register: Register, _ value: RegisterState, _ facts: inout CallFacts
  ) throws(Refusal) {
    let number = register.rawValue
    try expect(register, value, [.mapValue], "map_value, ptr_")
    let map = program.maps[Int(value.map)]
    guard let place = map.lockOffset else {
      throw .invalid("map '\(map.definition.name)' \(map.missing) bpf_spin_lock")
    }
    guard let offset = value.fixedOffset else {
      throw .invalid(
        "R\(number) doesn't have constant offset. bpf_spin_lock has to be at the constant offset",
        register: Int(number))
    }
    guard offset == Int64(place) else {
      throw .invalid(
        "off \(offset) doesn't point to 'struct bpf_spin_lock' that is at \(place)",
        register: Int(number))
    }
    facts.lock = value
  }

  func checkTimer(
    _ register: Register, _ value: RegisterState, _ facts: inout CallFacts
  ) throws(Refusal) {
    let number = register.rawValue
    try expect(register, value, [.mapValue], "map_value")
    let map = program.maps[Int(value.map)]
    guard let offset = value.fixedOffset else {
      throw .invalid(
        "R\(number) doesn't have constant offset. bpf_timer has to be at the constant offset",
        register: Int(number))
    }
    guard let place = map.offset(of: .timer) else {
      throw .invalid("map '\(map.definition.name)' \(map.missing) bpf_timer", register: Int(number))
    }
    guard offset == Int64(place) else {
      throw .invalid(
        "off \(offset) doesn't point to 'struct bpf_timer' that is at \(place)",
        register: Int(number))
    }
    facts.timerMap = Int(value.map)
  }

  /// A pointer in a map's value: what it points to is known to the kernel's types only.
  func checkObjectPlace(
    _ register: Register, _ value: RegisterState, _ facts: inout CallFacts
  ) throws(Refusal) {
    let number = register.rawValue
    try expect(register, value, [.mapValue], "map_value, ptr_, trusted_ptr_")
    let map = program.maps[Int(value.map)]
    guard let offset = value.fixedOffset else {
      throw .invalid(
        "R\(number) doesn't have constant offset. kptr has to be at the constant offset",
        register: Int(number))
    }
    guard map.specialFields.contains(where: { $0.kind.isPointer }) else {
      throw .invalid("map '\(map.definition.name)' \(map.missing) kptr", register: Int(number))
    }
    guard
      map.specialFields.contains(where: { $0.kind.isPointer && Int64($0.offset) == offset })
    else { throw .access("off=\(offset) doesn't point to kptr", register: Int(number)) }
    facts.object = .stored
  }
}

extension HelperSignature.AcceptedSockets {
  /// Linux's words for the kinds.
  fileprivate var names: String {
    switch self {
    case .any: "sock_common, sock, tcp_sock, xdp_sock"
    case .anyOrObject: "sock_common, sock, tcp_sock, xdp_sock, ptr_, trusted_ptr_"
    case .full: "sock"
    }
  }
}

// What some helpers ask for beyond their arguments' kinds.
extension Explorer {
  mutating func checkSpecialRules(
    _ signature: HelperSignature, _ facts: CallFacts
  ) throws(Refusal) {
    switch signature.number {
    case 81:
      let flags = self[.r2]
      guard flags.isZero else {
        throw .invalid("get_local_storage() doesn't support non-zero flags", register: 2)
      }
      needsPrecisely(flags)
    case 165: try checkFormat(self[.r3], byteCount: self[.r5])
    case 169:
      guard facts.map == facts.timerMap else {
        throw .invalid(
          "timer pointer in R1 map_uid=0 doesn't match map pointer in R2 map_uid=0", register: 1)
      }
    case 194:
      throw .invalid(
        "helper bpf_kptr_xchg#194 needs kernel BTF: only it says what the pointer points to")
    case 197:
      guard self[.r1].kind == .mapValue else {
        throw .access(
          "Unsupported reg type \(self[.r1].typeName) for bpf_dynptr_from_mem data", register: 1)
      }
    default: break
    }
  }

  /// The text of `snprintf` has to fit its values.
  private mutating func checkFormat(
    _ text: RegisterState, byteCount: RegisterState
  ) throws(Refusal) {
    guard let constants = program.maps[Int(text.map)].constants,
      let start = text.fixedOffset, start >= 0, Int(start) < constants.count
    else { return }
    needsPrecisely(byteCount)
    let most = byteCount.scalar.bits.value
    guard most % 8 == 0 else { throw .invalid("", register: 5) }
    let format = constants[Int(start)...].prefix { $0 != 0 }
    guard FormatText(Array(format)).fits(valueCount: Int(most / 8)) else {
      throw .invalid("Invalid format string", register: 3)
    }
  }
}
