import BPFInstructions
import BPFRuntime

// Loads, stores and atomics.
extension Explorer {
  mutating func loadImmediate(_ instruction: Instruction) throws(Refusal) {
    let next = program.instructions[slot &+ 1]
    switch PseudoSource(rawValue: instruction.source.rawValue) {
    case .immediate:
      self[instruction.destination] = RegisterState(
        constant: instruction.wideImmediate(next: next))
    case .function:
      let target = slot &+ 1 &+ Int(instruction.immediate)
      // As Linux does: only the types tell whether a function can be called by its address.
      let isTyped = program.functions.contains { $0.prototype != nil }
      guard isTyped || !program.needsTypesForCallbacks else {
        throw .invalid("missing btf func_info")
      }
      guard !code.functions[code.function(at: target)].isGlobal else {
        throw .invalid("callback function not static")
      }
      var value = RegisterState.pointer(.function)
      value.map = Int32(truncatingIfNeeded: target)
      self[instruction.destination] = value
    case .variable: throw .invalid("kernel variables do not exist here")
    default:
      guard let reference = program.references[slot] else {
        throw .invalid("unrecognized bpf_ld_imm64 insn")
      }
      let map = Int32(truncatingIfNeeded: reference.map)
      var value = RegisterState.pointer(
        reference.valueOffset == nil ? .map : .mapValue, map: map)
      value.offset = Int32(truncatingIfNeeded: reference.valueOffset ?? 0)
      if reference.valueOffset != nil, program.maps[reference.map].isNamed {
        value.id = newID()
      }
      facts[slot].note(map: map)
      self[instruction.destination] = value
    }
  }

  mutating func load(
    _ instruction: Instruction, _ size: Operation.Size, signExtended: Bool
  ) throws(Refusal) {
    let base = try read(instruction.source)
    var value = try loadValue(
      instruction.source, base, offset: Int(instruction.offset), size: size.byteCount)
    if signExtended, base.kind == .context, !value.isScalar {
      throw .access(
        "invalid bpf_context access off=\(instruction.offset) size=\(size.byteCount)", register: 1)
    }
    if size != .doubleWord || signExtended, value.isScalar {
      value.scalar =
        signExtended
        ? value.scalar.signExtended(fromBits: size.byteCount * 8)
        : value.scalar.truncated(toBytes: size.byteCount)
    }
    self[instruction.destination] = value
  }

  mutating func loadAcquire(_ instruction: Instruction, _ size: Operation.Size) throws(Refusal) {
    let base = try read(instruction.source)
    try checkAtomic(base, instruction.source, size, offset: instruction.offset, loads: true)
    var value = try loadValue(
      instruction.source, base, offset: Int(instruction.offset), size: size.byteCount)
    if value.isScalar { value.scalar = value.scalar.truncated(toBytes: size.byteCount) }
    self[instruction.destination] = value
  }

  mutating func store(
    _ instruction: Instruction, _ size: Operation.Size, _ operand: Operation.Operand
  ) throws(Refusal) {
    let value: StoredValue
    if operand == .register {
      value = .register(instruction.source, try read(instruction.source))
    } else {
      value = .immediate(UInt64(bitPattern: Int64(instruction.immediate)))
    }
    let base = try read(instruction.destination)
    try storeValue(
      value, instruction.destination, base, offset: Int(instruction.offset),
      size: size.byteCount)
  }

  mutating func storeRelease(_ instruction: Instruction, _ size: Operation.Size) throws(Refusal) {
    let value = try read(instruction.source)
    let base = try read(instruction.destination)
    try checkAtomic(base, instruction.destination, size, offset: instruction.offset)
    try storeValue(
      .register(instruction.source, value), instruction.destination, base,
      offset: Int(instruction.offset), size: size.byteCount)
  }

  mutating func atomic(
    _ instruction: Instruction, _ update: Operation.AtomicUpdate, _ size: Operation.Size
  ) throws(Refusal) {
    let operand = try read(instruction.source)
    let base = try read(instruction.destination)
    if update == .compareExchange { try refuseLeak(of: try read(.r0), .r0, into: "mem") }
    try refuseLeak(of: operand, instruction.source, into: "mem")
    try checkAtomic(base, instruction.destination, size, offset: instruction.offset)
    let offset = Int(instruction.offset)
    let old = try loadValue(instruction.destination, base, offset: offset, size: size.byteCount)
    if options.isStrict, base.kind == .stack, !old.isScalar {
      throw .access("leaking pointer from stack off \(Int(base.offset) + offset)")
    }
    try storeValue(
      .anything, instruction.destination, base, offset: offset, size: size.byteCount)
    let register: Register
    switch update {
    case .add, .or, .and, .xor: return
    case .compareExchange: register = .r0
    case .fetchAdd, .fetchOr, .fetchAnd, .fetchXor, .exchange: register = instruction.source
    }
    var result = old
    if result.isScalar {
      if size != .doubleWord { result.scalar = result.scalar.truncated(toBytes: size.byteCount) }
    } else {
      result = .unknown
    }
    self[register] = result
  }

  private func checkAtomic(
    _ base: RegisterState, _ register: Register, _ size: Operation.Size, offset: Int16,
    loads: Bool = false
  ) throws(Refusal) {
    let number = register.rawValue
    switch base.kind {
    case .context, .packet, .packetMetadata, .socket:
      throw .access(
        "BPF_ATOMIC \(loads ? "loads from" : "stores into") R\(number) \(base.kind.logName) "
          + "is not allowed",
        register: Int(number))
    default: break
    }
    try checkAlignment(base, offset: Int(offset), size: size.byteCount, always: true)
  }

  func checkAlignment(
    _ base: RegisterState, offset: Int, size: Int, always: Bool
  ) throws(Refusal) {
    guard base.kind == .stack || always, size > 1 else { return }
    let total = base.scalar.bits + KnownBits(UInt64(bitPattern: Int64(base.offset) + Int64(offset)))
    guard (total.value | total.unknown) & UInt64(size - 1) != 0 else { return }
    let name =
      switch base.kind {
      case .stack: "stack "
      case .context: "context "
      case .mapValue: "value "
      case .packet, .packetMetadata: "packet "
      default: ""
      }
    throw .access(
      "misaligned \(name)access off \(base.scalar.bits.text)+\(base.offset)+\(offset) size \(size)")
  }
}

/// What a store writes.
enum StoredValue {
  case register(Register, RegisterState)
  case immediate(UInt64)
  case anything

  var isZero: Bool {
    switch self {
    case .register(_, let value): value.isZero
    case .immediate(let value): value == 0
    case .anything: false
    }
  }
}

extension RegisterKind {
  /// Linux's word for where an address must not be stored.
  fileprivate var nameForLeaks: String {
    switch self {
    case .context: "ctx"
    case .packet, .packetMetadata: "packet"
    case .mapValue: "map"
    case .flowKeys: "flow keys"
    default: "mem"
    }
  }
}

extension Explorer {
  /// Checks a read through a register and tells what it yields; numbers are not yet cut to size.
  mutating func loadValue(
    _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) -> RegisterState {
    try checkAlignment(base, offset: offset, size: size, always: false)
    switch base.kind {
    case .context: return try loadContext(register, base, offset: offset, size: size)
    case .stack:
      try note(.stack)
      return try loadStack(register, base, offset: offset, size: size)
    case .packet, .packetMetadata:
      try note(.packet)
      try checkPacket(register, base, offset: offset, size: size)
      return .unknown
    case .mapValue:
      try note(.mapValue)
      return try loadMapValue(register, base, offset: offset, size: size)
    case .mapKey:
      try note(.mapKey)
      try checkRegion(
        register, base, offset: offset, size: size, of: program.maps[Int(base.map)].keySize,
        "map key, key_size=\(program.maps[Int(base.map)].keySize)")
      return .unknown
    case .memory:
      try note(.memory)
      try checkMemory(register, base, offset: offset, size: size)
      return .unknown
    case .socket:
      try note(.socket)
      try checkSocket(register, base, offset: offset, size: size)
      return .unknown
    case .flowKeys:
      try note(.memory)
      try checkFlowKeys(register, base, offset: offset, size: size)
      return .unknown
    case .tracepointBuffer:
      try note(.memory)
      try checkTracepointBuffer(register, base, offset: offset, size: size)
      return .unknown
    case .kernelObject: throw needsKernelTypes(register, base)
    default: throw invalidAccess(register, base)
    }
  }

  /// Checks a write through a register and applies it to what is known of memory.
  mutating func storeValue(
    _ value: StoredValue, _ register: Register, _ base: RegisterState, offset: Int, size: Int
  ) throws(Refusal) {
    try checkAlignment(base, offset: offset, size: size, always: false)
    if case .register(let number, let stored) = value, base.kind != .stack {
      try refuseLeak(of: stored, number, into: base.kind.nameForLeaks)
    }
    switch base.kind {
    case .context:
      if case .immediate = value {
      } else if case .anything = value {
        throw invalidAccess(register, base)
      }
      try storeContext(register, base, offset: offset, size: size)
    case .stack:
      try note(.stack)
      try storeStack(value, register, base, offset: offset, size: size)
    case .packet, .packetMetadata:
      try note(.packet)
      guard packetIsWritable else {
        throw .access("cannot write into packet", register: Int(register.rawValue))
      }
      try checkPacket(register, base, offset: offset, size: size)
    case .mapValue:
      try note(.mapValue)
      try checkMapValue(
        register, base, offset: offset, size: size, isWrite: true, isDirect: true)
      try checkPointerStore(value, register, base, offset: offset)
    case .memory:
      try note(.memory)
      if base.detail == RegisterState.readOnly {
        throw .access(
          "R\(register.rawValue) cannot write into rdonly_mem", register: Int(register.rawValue))
      }
      try checkMemory(register, base, offset: offset, size: size)
    case .flowKeys:
      try note(.memory)
      try checkFlowKeys(register, base, offset: offset, size: size)
    case .tracepointBuffer:
      try note(.memory)
      try checkTracepointBuffer(register, base, offset: offset, size: size)
    case .socket:
      throw .access(
        "R\(register.rawValue) cannot write into \(base.typeName)",
        register: Int(register.rawValue))
    case .kernelObject: throw needsKernelTypes(register, base)
    default:
      throw base.kind == .mapKey
        ? .access("write to change key R\(register.rawValue) not allowed")
        : invalidAccess(register, base)
    }
  }

  /// Strict programs keep addresses to themselves.
  private func refuseLeak(
    of value: RegisterState, _ register: Register, into place: String
  ) throws(Refusal) {
    guard options.isStrict, !value.isScalar else { return }
    throw .access(
      "R\(register.rawValue) leaks addr into \(place)", register: Int(register.rawValue))
  }

  /// A pointer in a map's value is only set to 0 by a store.
  private func checkPointerStore(
    _ value: StoredValue, _ register: Register, _ base: RegisterState, offset: Int
  ) throws(Refusal) {
    let map = program.maps[Int(base.map)]
    guard let start = base.fixedOffset, map.holdsPointer(at: Int(start) + offset) else { return }
    guard value.isZero else {
      throw .access(
        "BPF_ST imm must be 0 when storing to kptr at off=\(start)",
        register: Int(register.rawValue))
    }
  }

  private func invalidAccess(_ register: Register, _ base: RegisterState) -> Refusal {
    .access(
      "R\(register.rawValue) invalid mem access '\(base.typeName)'",
      register: Int(register.rawValue))
  }

  /// Remembers what the instruction touches. Accesses to contexts and sockets are rewritten, so
  /// they cannot be anything else on another path.
  mutating func note(_ memory: InstructionFacts.Memory) throws(Refusal) {
    let known = facts[slot].memory
    if known == memory { return }
    if known == .none {
      facts[slot].memory = memory
    } else if known == .context || memory == .context || known == .socket || memory == .socket {
      throw .invalid("same insn cannot be used with different pointers")
    } else {
      facts[slot].memory = .several
    }
  }
}
