import BPFInstructions
import BPFRuntime

// Conditional jumps: which ways are possible, and what each way shows.
extension Explorer {
  mutating func branch(
    _ instruction: Instruction, _ condition: Operation.Condition, _ width: Operation.Width,
    _ operand: Operation.Operand
  ) throws(Refusal) -> Flow {
    jumps &+= 1
    let left = try read(instruction.destination)
    let right: RegisterState
    if operand == .register {
      right = try read(instruction.source)
    } else {
      right = RegisterState(constant: UInt64(bitPattern: Int64(instruction.immediate)))
    }
    if options.isStrict { try refuseComparison(instruction, left, right) }
    let target = slot &+ 1 &+ Int(instruction.offset)
    if let outcome = outcome(condition, width, left, right) {
      needsPrecisely(left)
      needsPrecisely(right)
      return decided(outcome, target)
    }
    var taken = state
    if left.isScalar, right.isScalar {
      let sides = Sides(instruction, condition, width, operand)
      let takenIsPossible = refine(sides, holds: true, left, right, &taken)
      var fallen = state
      let fallenIsPossible = refine(sides, holds: false, left, right, &fallen)
      guard takenIsPossible, fallenIsPossible else {
        needsPrecisely(left)
        needsPrecisely(right)
        state = takenIsPossible ? taken : fallen
        return decided(takenIsPossible, target)
      }
      state = fallen
    } else if width == .bits64 {
      let isImmediate = operand == .immediate
      refineAddresses(condition, left, right, isImmediate: isImmediate, &taken)
    }
    facts[slot].isTaken = true
    facts[slot].isFallenThrough = true
    try fork(to: target, taken)
    return .next
  }

  private mutating func decided(_ outcome: Bool, _ target: Int) -> Flow {
    if outcome { facts[slot].isTaken = true } else { facts[slot].isFallenThrough = true }
    return outcome ? .to(target) : .next
  }

  private func outcome(
    _ condition: Operation.Condition, _ width: Operation.Width, _ left: RegisterState,
    _ right: RegisterState
  ) -> Bool? {
    if left.isScalar, right.isScalar {
      return Scalar.outcome(condition, width, left.scalar, right.scalar)
    }
    // An address is never 0, if nothing says that it may be.
    guard width == .bits64, left.isScalar != right.isScalar else { return nil }
    let pointer = left.isScalar ? right : left
    guard (left.isScalar ? left : right).isZero, !pointer.kind.mayBeNull,
      pointer.kind.isNeverNull
    else { return nil }
    switch condition {
    case .equal: return false
    case .notEqual: return true
    default: return nil
    }
  }

  private func refuseComparison(
    _ instruction: Instruction, _ left: RegisterState, _ right: RegisterState
  ) throws(Refusal) {
    if left.kind.mayBeNull, right.isZero { return }
    let areNumbers = left.isScalar && right.isScalar
    let arePacket =
      (left.kind.isPacket || left.kind == .packetEnd)
      && (right.kind.isPacket || right.kind == .packetEnd)
    guard areNumbers || arePacket else {
      let register = left.isScalar ? instruction.source : instruction.destination
      throw .access(
        "R\(register.rawValue) pointer comparison prohibited", register: Int(register.rawValue))
    }
  }

  /// A comparison and the registers that it is between.
  private struct Sides {
    var left: Int
    /// `nil` for an immediate.
    var right: Int?
    var condition: Operation.Condition
    var width: Operation.Width

    init(
      _ instruction: Instruction, _ condition: Operation.Condition, _ width: Operation.Width,
      _ operand: Operation.Operand
    ) {
      left = Int(instruction.destination.rawValue)
      right = operand == .register ? Int(instruction.source.rawValue) : nil
      self.condition = condition
      self.width = width
    }
  }

  /// Narrows both numbers; `false` if that leaves nothing.
  private mutating func refine(
    _ sides: Sides, holds: Bool, _ left: RegisterState, _ right: RegisterState,
    _ path: inout PathState
  ) -> Bool {
    var newLeft = left
    var newRight = right
    Scalar.refine(
      sides.condition, sides.width, holds: holds, &newLeft.scalar, &newRight.scalar)
    if newLeft.scalar.isEmpty || newRight.scalar.isEmpty { return false }
    if sides.right != nil {
      // What is known of one side now depends on the other.
      let source = provenance.union(left.source, right.source)
      newLeft.source = source
      newRight.source = source
    }
    path.frame.registers[sides.left] = newLeft
    if let register = sides.right, register != sides.left {
      path.frame.registers[register] = newRight
      spread(newRight, &path)
    }
    spread(newLeft, &path)
    return true
  }

  /// Tells all copies of a number what is known of it now.
  private mutating func spread(_ known: RegisterState, _ path: inout PathState) {
    guard known.id != 0, known.isScalar else { return }
    var sources = known.source
    // All copies depend on each other from here on.
    path.forEachValue { value in
      if value.id == known.id, value.isScalar {
        sources = provenance.union(sources, value.source)
      }
    }
    path.forEachValue { value in
      guard value.id == known.id, value.isScalar else { return }
      let knownDistance = known.isLinkedByDistance ? known.offset : 0
      let distance = value.isLinkedByDistance ? value.offset : 0
      if knownDistance == distance {
        value.scalar = known.scalar
      } else {
        value.scalar = Scalar.apply(
          .add, .bits64, known.scalar,
          Scalar(constant: UInt64(bitPattern: Int64(distance) &- Int64(knownDistance))))
      }
      value.source = sources
    }
  }

  /// What a comparison of addresses shows: that one is not 0, or how long the packet is.
  private mutating func refineAddresses(
    _ condition: Operation.Condition, _ left: RegisterState, _ right: RegisterState,
    isImmediate: Bool, _ taken: inout PathState
  ) {
    if isImmediate, right.isZero, left.kind.mayBeNull, condition == .equal || condition == .notEqual
    {
      let isNullWhenTaken = condition == .equal
      settle(left, isNull: isNullWhenTaken, &taken)
      var path = state
      settle(left, isNull: !isNullWhenTaken, &path)
      state = path
      return
    }
    if left.kind.mayBeNull || right.kind.mayBeNull,
      condition == .equal || condition == .notEqual
    {
      settleByEquality(condition, left, right, &taken)
      return
    }
    refinePacket(condition, left, right, &taken)
  }

  /// Something that equals an address that is not 0 is not 0 either.
  private mutating func settleByEquality(
    _ condition: Operation.Condition, _ left: RegisterState, _ right: RegisterState,
    _ taken: inout PathState
  ) {
    let (open, other) = left.kind.mayBeNull ? (left, right) : (right, left)
    guard !other.isScalar, !other.kind.mayBeNull, other.kind.isNeverNull else { return }
    if condition == .equal {
      settle(open, isNull: false, &taken)
    } else {
      var path = state
      settle(open, isNull: false, &path)
      state = path
    }
  }

  /// Settles for a value and all copies whether it is 0.
  mutating func settle(_ tested: RegisterState, isNull: Bool, _ path: inout PathState) {
    let maps = program.maps
    var zero = RegisterState(constant: 0)
    zero.source = provenance.node(Provenance.nowhere)
    // Of something that belongs to a handle, being 0 says nothing about the handle.
    if isNull, tested.reference != 0, tested.reference == tested.id {
      path.references.removeAll { $0.id == tested.reference }
    }
    path.forEachValue { value in
      guard value.id == tested.id, value.kind.mayBeNull else { return }
      if isNull {
        value = zero
        return
      }
      value.kind = value.kind.nonNull
      // Locks and timers belong to one value: it stays known by its id.
      let isNamed = value.kind == .mapValue && maps[Int(value.map)].isNamed
      if !isNamed { value.id = 0 }
    }
  }
}

extension RegisterKind {
  /// Addresses that the verifier itself knows to be none but real ones.
  var isNeverNull: Bool {
    switch self {
    case .map, .mapValue, .mapKey, .memory, .socket, .kernelObject: true
    default: false
    }
  }
}

// How long the packet is.
extension Explorer {
  private mutating func refinePacket(
    _ condition: Operation.Condition, _ left: RegisterState, _ right: RegisterState,
    _ taken: inout PathState
  ) {
    let isForward = Self.delimits(left, right)
    guard isForward || Self.delimits(right, left) else { return }
    let pointer = isForward ? left : right
    // Written as "pointer < end" and its like.
    let holdsWhenTaken: Bool
    let isStrict: Bool
    switch (condition, isForward) {
    case (.less, true), (.greater, false): (holdsWhenTaken, isStrict) = (true, true)
    case (.lessOrEqual, true), (.greaterOrEqual, false): (holdsWhenTaken, isStrict) = (true, false)
    case (.greater, true), (.less, false): (holdsWhenTaken, isStrict) = (false, false)
    case (.greaterOrEqual, true), (.lessOrEqual, false): (holdsWhenTaken, isStrict) = (false, true)
    default: return
    }
    let longest: UInt64 = 0xffff
    guard pointer.offset >= 0, pointer.offset != 0 || !isStrict,
      pointer.scalar.maximum <= longest,
      pointer.scalar.maximum + UInt64(pointer.offset) <= longest
    else { return }
    let range = UInt32(pointer.offset) + (isStrict ? 1 : 0)
    if holdsWhenTaken {
      Self.extend(pointer, to: range, &taken)
    } else {
      var path = state
      Self.extend(pointer, to: range, &path)
      state = path
    }
  }

  /// Whether the second address is the end of what the first points into.
  private static func delimits(_ pointer: RegisterState, _ end: RegisterState) -> Bool {
    switch pointer.kind {
    case .packet: end.kind == .packetEnd
    case .packetMetadata: end.kind == .packet && end.offset == 0 && end.scalar.constant == 0
    default: false
    }
  }

  private static func extend(
    _ pointer: RegisterState, to range: UInt32, _ path: inout PathState
  ) {
    path.forEachValue { value in
      if value.kind == pointer.kind, value.id == pointer.id {
        value.range = max(value.range, range)
      }
    }
  }
}

// `may_goto`: goes on until a budget that the program does not see is spent.
extension Explorer {
  mutating func mayGoto(_ instruction: Instruction) throws(Refusal) -> Flow {
    jumps &+= 1
    facts[slot].isTaken = true
    facts[slot].isFallenThrough = true
    var goesOn = state
    goesOn.mayGotoDepth &+= 1
    widen(&goesOn)
    try fork(to: slot &+ 1, goesOn)
    return .to(slot &+ 1 &+ Int(instruction.offset))
  }
}
