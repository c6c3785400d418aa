extension Disassembler {
  func text(
    of operation: Operation, in program: [Instruction], at index: Int
  ) throws(InstructionError) -> String {
    let slot = program[index]
    switch operation.kind {
    case .arithmetic, .signExtendingMove, .negate, .byteOrder:
      return arithmetic(operation.kind, slot)
    case .jump, .mayGoto, .branch, .exit:
      return jump(operation.kind, slot)
    case .tailCall, .callHelper, .callSubprogram, .callKernelFunction, .callRegister:
      return call(operation.kind, slot, at: index)
    case .loadImmediate64:
      guard index + 1 < program.count, program[index + 1].isSecondHalf else {
        throw InstructionError(index: index, reason: .malformedWideImmediate)
      }
      return "\(slot.destination) = "
        + wideImmediate(slot, next: program[index + 1], symbol: symbol(index))
    case .loadPacket, .load, .store, .atomic, .loadAcquire, .storeRelease:
      return memoryAccess(operation.kind, slot)
    }
  }

  private func arithmetic(_ kind: Operation.Kind, _ slot: Instruction) -> String {
    switch kind {
    case .arithmetic(let operation, let width, let operand):
      let right =
        operand == .register ? slot.source.name(width) : String(slot.immediate)
      return "\(slot.destination.name(width)) \(operation.symbol) \(right)"
    case .signExtendingMove(let bits, let width):
      return "\(slot.destination.name(width)) = (s\(bits))\(slot.source.name(width))"
    case .negate(let width):
      return "\(slot.destination.name(width)) = -\(slot.destination.name(width))"
    case .byteOrder(let order, let bits):
      return "\(slot.destination) = \(order.prefix)\(bits) \(slot.destination)"
    default: preconditionFailure("not arithmetic: \(kind)")
    }
  }

  private func jump(_ kind: Operation.Kind, _ slot: Instruction) -> String {
    switch kind {
    case .jump(long: false): return "goto pc\(signed(slot.offset))"
    case .jump(long: true): return "gotol pc\(signed(slot.immediate))"
    case .mayGoto: return "may_goto pc\(signed(slot.offset))"
    case .branch(let condition, let width, let operand):
      let right =
        operand == .register
        ? slot.source.name(width) : hexadecimal(UInt32(bitPattern: slot.immediate))
      return "if \(slot.destination.name(width)) \(condition.symbol) \(right)"
        + " goto pc\(signed(slot.offset))"
    case .exit: return "exit"
    default: preconditionFailure("not a jump: \(kind)")
    }
  }

  private func call(_ kind: Operation.Kind, _ slot: Instruction, at index: Int) -> String {
    var functionName: String?
    if case .function(let name) = symbol(index) { functionName = name }
    switch kind {
    case .tailCall, .callHelper:
      return "call \(helperName(slot.immediate) ?? "unknown")#\(slot.immediate)"
    case .callSubprogram:
      return "call pc\(signed(slot.immediate))" + (functionName.map { "#\($0)" } ?? "")
    case .callKernelFunction:
      let module = slot.offset == 0 ? "" : " module \(slot.offset)"
      let name = functionName.map { ":\($0)" } ?? ""
      return "call kernel-function\(name)#\(slot.immediate)\(module)"
    case .callRegister:
      return "callx \(slot.calledRegister)" + (slot.immediate == 0 ? "" : " imm")
    default: preconditionFailure("not a call: \(kind)")
    }
  }

  private func wideImmediate(_ slot: Instruction, next: Instruction, symbol: Symbol?) -> String {
    switch symbol {
    case .map(let name): return "map[name:\(name)]"
    case .mapValue(let name, let offset): return "map[name:\(name)][0]+\(offset)"
    case .function(let name): return "function[\(name)]"
    case nil: break
    }
    let upper = UInt32(bitPattern: next.immediate)
    let value = "\(hexadecimal(slot.wideImmediate(next: next))) ll"
    switch PseudoSource(rawValue: slot.source.rawValue) {
    case .immediate: return value
    case .mapDescriptor where upper == 0: return "map[fd:\(slot.immediate)]"
    case .mapValueByDescriptor: return "map[fd:\(slot.immediate)][0]+\(upper)"
    case .mapIndex where upper == 0: return "map[idx:\(slot.immediate)]"
    case .mapValueByIndex: return "map[idx:\(slot.immediate)][0]+\(upper)"
    case .function where upper == 0: return "subprog[\(signed(slot.immediate))]"
    default: return "\(value) pseudo \(slot.source.rawValue)"
    }
  }

  private func memoryAccess(_ kind: Operation.Kind, _ slot: Instruction) -> String {
    func location(_ base: Register, _ size: Operation.Size, signed isSigned: Bool = false)
      -> String
    {
      "(\(size.typeName(signed: isSigned)) *)(\(base) \(signed(slot.offset)))"
    }
    switch kind {
    case .load(let size, let isSigned):
      return "\(slot.destination) = *\(location(slot.source, size, signed: isSigned))"
    case .store(let size, let operand):
      let value = operand == .register ? "\(slot.source)" : "\(slot.immediate)"
      return "*\(location(slot.destination, size)) = \(value)"
    case .loadAcquire(let size):
      return "\(slot.destination) = load_acquire(\(location(slot.source, size)))"
    case .storeRelease(let size):
      return "store_release(\(location(slot.destination, size)), \(slot.source))"
    case .loadPacket(let size, let indirect):
      let place = indirect ? "\(slot.source) + \(slot.immediate)" : "\(slot.immediate)"
      return "r0 = *(\(size.typeName(signed: false)) *)skb[\(place)]"
    case .atomic(let update, let size):
      let place = location(slot.destination, size)
      switch update.form {
      case .assignment(let symbol): return "lock *\(place) \(symbol) \(slot.source)"
      case .function(let name):
        let exchanges = update == .compareExchange
        return "\(exchanges ? .r0 : slot.source) = \(size.atomicPrefix)\(name)"
          + "(\(place), \(exchanges ? "r0, " : "")\(slot.source))"
      }
    default: preconditionFailure("not a memory access: \(kind)")
    }
  }
}
