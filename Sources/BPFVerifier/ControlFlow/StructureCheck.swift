import BPFInstructions
import BPFObject
import BPFRuntime

/// What is wrong with a program before any value is looked at, in the order in which Linux looks.
struct StructureCheck {
  let program: VerifierProgram
  var code: CodeMap

  private var instructions: [Instruction] { program.instructions }

  /// Checks everything and returns the code with its functions and points of comparison.
  static func run(_ program: VerifierProgram) throws(Refusal) -> CodeMap {
    guard !program.instructions.isEmpty, program.instructions.count <= Limits.instructions else {
      throw .tooBig(
        "the program has \(program.instructions.count) instructions; 1 to \(Limits.instructions)"
          + " are possible")
    }
    var check = StructureCheck(program: program, code: CodeMap(program.instructions))
    try check.findFunctions()
    try check.checkJumps()
    try check.checkTypes()
    try check.checkWideImmediates()
    try check.checkReachability()
    check.code.liveRegisters = Liveness(program, check.code).run()
    return check.code
  }

  private mutating func findFunctions() throws(Refusal) {
    var starts: Set<Int> = [0]
    for slot in code.notable {
      guard let target = functionReferred(by: slot, code.kinds[slot]) else { continue }
      guard instructions.indices.contains(target) else {
        throw Refusal.invalid("call to invalid destination").at(slot)
      }
      starts.insert(target)
    }
    guard starts.count <= 256 else { throw .tooBig("too many subprograms") }
    let sorted = starts.sorted()
    for (index, start) in sorted.enumerated() {
      let end = index + 1 < sorted.count ? sorted[index + 1] : instructions.count
      let known = program.functions.first { $0.start == start }
      var function = CodeMap.FunctionCode(
        start: start, end: end, name: known?.name ?? (start == 0 ? program.name : "sub_\(start)"))
      function.isGlobal = start != 0 && (known?.isGlobal ?? false)
      function.prototype = known?.prototype
      code.functions.append(function)
    }
    for slot in code.notable { note(slot, code.kinds[slot]) }
    spreadPacketChanges()
  }

  private func functionReferred(by slot: Int, _ kind: Operation.Kind?) -> Int? {
    switch kind {
    case .callSubprogram: slot + 1 + Int(instructions[slot].immediate)
    case .loadImmediate64
    where instructions[slot].source.rawValue == PseudoSource.function.rawValue:
      slot + 1 + Int(instructions[slot].immediate)
    default: nil
    }
  }

  /// Collects what a function's code contains.
  private mutating func note(_ slot: Int, _ kind: Operation.Kind?) {
    switch kind {
    case .tailCall: code.functions[code.function(at: slot)].hasTailCall = true
    case .loadPacket: code.functions[code.function(at: slot)].hasPacketLoad = true
    case .callHelper:
      if program.type.signature(of: instructions[slot].immediate)?.changesPacket == true {
        code.functions[code.function(at: slot)].changesPacket = true
      }
    case .callSubprogram:
      let target = code.function(at: slot + 1 + Int(instructions[slot].immediate))
      code.functions[code.function(at: slot)].calls.append((slot, target))
    case .loadImmediate64:
      guard let target = functionReferred(by: slot, kind) else { break }
      code.functions[code.function(at: target)].isCallback = true
    default: break
    }
  }

  private mutating func spreadPacketChanges() {
    for index in code.functions.indices where index > 0 && code.functions[index].hasTailCall {
      code.functions[index].changesPacket = true
    }
    var changed = true
    while changed {
      changed = false
      for index in code.functions.indices where !code.functions[index].changesPacket {
        if code.functions[index].calls.contains(where: { code.functions[$0.function].changesPacket }
        ) {
          code.functions[index].changesPacket = true
          changed = true
        }
      }
    }
  }

  private func checkJumps() throws(Refusal) {
    var notable = code.notable[...]
    for function in code.functions {
      while let slot = notable.first, slot < function.end {
        notable = notable.dropFirst()
        let instruction = instructions[slot]
        let target: Int
        switch code.kinds[slot] {
        case .jump(let long):
          target = slot + 1 + (long ? Int(instruction.immediate) : Int(instruction.offset))
        case .branch, .mayGoto: target = slot + 1 + Int(instruction.offset)
        default: continue
        }
        guard function.slots.contains(target) else {
          throw Refusal.invalid("jump out of range from insn \(slot) to \(target)").at(slot)
        }
      }
      // The last slot as it stands, even if it is half of something.
      let last = instructions[function.end - 1]
      guard last.opcode == Opcode.exit || last.opcode == 0x05 || last.opcode == 0x06 else {
        throw Refusal.invalid("last insn is not an exit or jmp").at(function.end - 1)
      }
    }
  }

  /// Tail calls and packet loads end a subprogram's run in the middle: its type has to allow that
  /// (tail-calls.md R2.9).
  private func checkTypes() throws(Refusal) {
    for function in code.functions.dropFirst() {
      try checkGlobal(function)
      for (isUsed, name, place) in [
        (function.hasPacketLoad, "LD_ABS", "functions that return 'int'"),
        (function.hasTailCall, "tail_call", "functions that return 'int'"),
      ] where isUsed {
        guard let prototype = function.prototype else {
          throw .invalid("\(name) is not allowed in subprogs without BTF")
        }
        guard case .number(let byteCount) = prototype.result, byteCount <= 8 else {
          throw .invalid("\(name) is only allowed in \(place).")
        }
      }
    }
  }

  private func checkGlobal(_ function: CodeMap.FunctionCode) throws(Refusal) {
    guard function.isGlobal, let prototype = function.prototype else { return }
    guard prototype.parameters.count <= 5 else {
      throw .invalid(
        "Global function \(function.name)() with \(prototype.parameters.count) > 5 args. "
          + "Buggy compiler.")
    }
    guard case .number = prototype.result else {
      throw .invalid(
        "Global function \(function.name)() doesn't return scalar. Only those are supported.")
    }
  }

  private func checkWideImmediates() throws(Refusal) {
    var maps: Set<Int> = []
    for slot in code.notable {
      let instruction = instructions[slot]
      if code.kinds[slot] == nil,
        case .unknownOpcode(let opcode)? = code.malformed[slot]?.reason
      {
        throw Refusal.invalid("unknown opcode \(twoDigits(opcode))").at(slot)
      }
      guard instruction.opcode == Opcode.loadImmediate64 else { continue }
      guard slot + 1 < instructions.count, instructions[slot + 1].opcode == 0,
        instructions[slot + 1].destination == .r0, instructions[slot + 1].source == .r0,
        instructions[slot + 1].offset == 0
      else { throw Refusal.invalid("invalid bpf_ld_imm64 insn").at(slot) }
      if let map = try checkReference(at: slot) {
        maps.insert(map)
        guard maps.count <= Limits.mapsPerProgram else {
          throw Refusal.tooBig(
            "The total number of maps per program has reached the limit of "
              + "\(Limits.mapsPerProgram)"
          ).at(slot)
        }
      }
    }
  }

  /// Checks what a wide immediate refers to; returns its map.
  private func checkReference(at slot: Int) throws(Refusal) -> Int? {
    guard let pseudo = PseudoSource(rawValue: instructions[slot].source.rawValue) else {
      throw Refusal.invalid("unrecognized bpf_ld_imm64 insn").at(slot)
    }
    switch pseudo {
    case .immediate, .function, .variable: return nil
    case .mapDescriptor, .mapValueByDescriptor, .mapIndex, .mapValueByIndex: break
    }
    let upper = instructions[slot + 1].immediate
    guard pseudo == .mapValueByDescriptor || pseudo == .mapValueByIndex || upper == 0 else {
      throw Refusal.invalid("unrecognized bpf_ld_imm64 insn").at(slot)
    }
    guard let reference = program.references[slot], program.maps.indices.contains(reference.map)
    else {
      throw Refusal(
        errno: 9, message: "fd \(instructions[slot].immediate) is not pointing to valid bpf_map",
        instruction: slot)
    }
    let map = program.maps[reference.map]
    do throws(Refusal) {
      try program.checkReferring(to: map)
    } catch {
      throw error.at(slot)
    }
    guard let offset = reference.valueOffset else { return reference.map }
    guard map.hasDirectValue else {
      guard map.type == .array else {
        throw Refusal.invalid("no direct value access support for this map type").at(slot)
      }
      // Linux has an error number of its own for arrays of more than one element.
      throw Refusal(
        errno: 524,
        message: "invalid access to map value pointer, value_size=\(map.valueSize) off=\(offset)",
        instruction: slot)
    }
    guard Int(offset) < map.valueSize else {
      throw Refusal.invalid(
        "invalid access to map value pointer, value_size=\(map.valueSize) off=\(offset)"
      ).at(slot)
    }
    return reference.map
  }

  private func twoDigits(_ opcode: UInt8) -> String {
    let digits = String(opcode, radix: 16)
    return digits.count < 2 ? "0" + digits : digits
  }

  /// Every instruction can be reached, if each branch could go both ways.
  private mutating func checkReachability() throws(Refusal) {
    var isReached = [Bool](repeating: false, count: instructions.count)
    var isNotable = isReached
    for slot in code.notable { isNotable[slot] = true }
    var pending = [0]
    while var slot = pending.popLast() {
      // What follows needs no list.
      while slot < instructions.count, !isReached[slot] {
        isReached[slot] = true
        guard isNotable[slot] else {
          slot += 1
          continue
        }
        markPrunePoints(slot)
        if let target = functionReferred(by: slot, code.kinds[slot]) { pending.append(target) }
        if code.goesOn[slot] {
          slot += 1
          continue
        }
        let next = code.successors(of: slot, instructions[slot])
        if let second = next.1 { pending.append(second) }
        guard let first = next.0 else { break }
        slot = first
      }
    }
    var slot = 0
    while slot < instructions.count {
      guard isReached[slot] else { throw Refusal.invalid("unreachable insn \(slot)").at(slot) }
      guard instructions[slot].opcode == Opcode.loadImmediate64 else {
        slot += 1
        continue
      }
      if isReached[slot + 1] {
        throw Refusal.invalid("jump into the middle of ldimm64 insn \(slot)").at(slot)
      }
      slot += 2
    }
  }

  private mutating func markPrunePoints(_ slot: Int) {
    let instruction = instructions[slot]
    switch code.kinds[slot] {
    case .branch, .mayGoto:
      code.isPrunePoint[slot] = true
      code.isLoopPoint[slot] = code.kinds[slot] == .mayGoto
      code.isPrunePoint[slot + 1 + Int(instruction.offset)] = true
    case .callSubprogram:
      code.isPrunePoint[slot] = true
      code.isPrunePoint[slot + 1] = true
    case .jump(let long):
      let target = slot + 1 + (long ? Int(instruction.immediate) : Int(instruction.offset))
      code.isPrunePoint[target] = true
    case .callHelper:
      let signature = program.type.signature(of: instruction.immediate)
      if signature?.arguments.contains(.callback) == true {
        code.isPrunePoint[slot] = true
        code.isLoopPoint[slot] = true
      }
    default: break
    }
  }
}
