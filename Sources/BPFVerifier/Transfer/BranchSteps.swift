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
    let right =
      operand == .register
      ? try read(instruction.source)
      : RegisterState(constant: UInt64(bitPattern: Int64(instruction.immediate)))
    if options.isStrict, operand == .register {
      try refuseComparison(with: right, left, instruction.source)
    }
    let target = slot &+ 1 &+ Int(instruction.offset)
    if let outcome = outcome(condition, width, left, right) {
      needsPrecisely(left)
      needsPrecisely(right)
      return decided(outcome, target)
    }
    guard left.isScalar, right.isScalar else {
      if options.isStrict, !isNullTest(condition, width, operand, left, right) {
        try refuseComparison(with: left, right, instruction.destination)
      }
      guard width == .bits64 else {
        noteBothWays()
        try fork(to: target)
        return .next
      }
      try compareAddresses(condition, left, right, isImmediate: operand == .immediate, target)
      return .next
    }
    return try compareNumbers(
      Sides(instruction, condition, width, operand), left, right, target)
  }

  private mutating func compareNumbers(
    _ sides: Sides, _ left: RegisterState, _ right: RegisterState, _ target: Int
  ) throws(Refusal) -> Flow {
    var taken = (left: left, right: right)
    var fallen = taken
    let takenIsPossible = sides.refine(holds: true, &taken.left, &taken.right)
    let fallenIsPossible = sides.refine(holds: false, &fallen.left, &fallen.right)
    guard takenIsPossible, fallenIsPossible else {
      needsPrecisely(left)
      needsPrecisely(right)
      let known = takenIsPossible ? taken : fallen
      conclude(sides.left, known.left, sides.right, known.right)
      return decided(takenIsPossible, target)
    }
    if sides.right != nil {
      // What is known of one side now depends on the other.
      let source = provenance.union(left.source, right.source)
      taken.left.source = source
      taken.right.source = source
      fallen.left.source = source
      fallen.right.source = source
    }
    noteBothWays()
    try fork(
      to: target, .numbers(left: sides.left, right: sides.right), taken.left,
      sides.right == nil ? nil : taken.right)
    conclude(sides.left, fallen.left, sides.right, fallen.right)
    return .next
  }

  private mutating func noteBothWays() {
    facts[slot].isTaken = true
    facts[slot].isFallenThrough = true
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

  /// Strict programs may test addresses for 0 and compare those in the packet, no others.
  private func refuseComparison(
    with value: RegisterState, _ other: RegisterState, _ register: Register
  ) throws(Refusal) {
    let arePacket =
      (value.kind.isPacket || value.kind == .packetEnd)
      && (other.kind.isPacket || other.kind == .packetEnd)
    guard value.isScalar || arePacket else {
      throw .access(
        "R\(register.rawValue) pointer comparison prohibited", register: Int(register.rawValue))
    }
  }

  private func isNullTest(
    _ condition: Operation.Condition, _ width: Operation.Width, _ operand: Operation.Operand,
    _ left: RegisterState, _ right: RegisterState
  ) -> Bool {
    operand == .immediate && width == .bits64 && right.isZero && left.kind.mayBeNull
      && (condition == .equal || condition == .notEqual)
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

    /// Narrows both numbers; `false` if that leaves nothing.
    @inline(__always)
    func refine(holds: Bool, _ left: inout RegisterState, _ right: inout RegisterState) -> Bool {
      Scalar.refine(condition, width, holds: holds, &left.scalar, &right.scalar)
      if self.right == self.left {
        // A register compared with itself: what holds for one side holds for the other.
        let both = Scalar.intersection(left.scalar, right.scalar)
        if !both.isEmpty { (left.scalar, right.scalar) = (both, both) }
      }
      return !left.scalar.isEmpty && !right.scalar.isEmpty
    }
  }

  /// Takes over what is known of compared numbers now, for all copies.
  mutating func conclude(
    _ left: Int, _ newLeft: RegisterState, _ right: Int?, _ newRight: RegisterState?
  ) {
    state.frame.registers[left] = newLeft
    if let right, let newRight, right != left {
      state.frame.registers[right] = newRight
      spread(newRight)
    }
    spread(newLeft)
  }

  /// Tells all copies of a number what is known of it now.
  private mutating func spread(_ known: RegisterState) {
    guard known.id != 0, known.isScalar else { return }
    var source = known.source
    // All copies depend on each other from here on.
    state.change(
      where: { $0.id == known.id && $0.isScalar },
      by: { value in
        source = provenance.union(source, value.source)
        let knownDistance = known.isLinkedByDistance ? known.offset : 0
        let distance = value.isLinkedByDistance ? value.offset : 0
        if knownDistance == distance {
          value.scalar = known.scalar
        } else {
          value.scalar = Scalar.apply(
            .add, .bits64, known.scalar,
            Scalar(constant: UInt64(bitPattern: Int64(distance) &- Int64(knownDistance))))
        }
      })
    guard source != known.source else { return }
    state.change(where: { $0.id == known.id && $0.isScalar }, by: { $0.source = source })
  }

  /// What a comparison of addresses shows: that one is not 0, or how long the packet is.
  private mutating func compareAddresses(
    _ condition: Operation.Condition, _ left: RegisterState, _ right: RegisterState,
    isImmediate: Bool, _ target: Int
  ) throws(Refusal) {
    noteBothWays()
    let isEquality = condition == .equal || condition == .notEqual
    if isImmediate, right.isZero, left.kind.mayBeNull, isEquality {
      let isNullWhenTaken = condition == .equal
      try fork(to: target, .nullness(isNull: isNullWhenTaken), left)
      settle(left, isNull: !isNullWhenTaken)
      return
    }
    if left.kind.mayBeNull || right.kind.mayBeNull, isEquality {
      // Something that equals an address that is not 0 is not 0 either.
      let (open, other) = left.kind.mayBeNull ? (left, right) : (right, left)
      let isSettled = !other.isScalar && !other.kind.mayBeNull && other.kind.isNeverNull
      guard isSettled, condition == .equal else {
        try fork(to: target)
        if isSettled { settle(open, isNull: false) }
        return
      }
      return try fork(to: target, .nullness(isNull: false), open)
    }
    try comparePacket(condition, left, right, target)
  }

  /// Settles for a value and all copies whether it is 0.
  mutating func settle(_ tested: RegisterState, isNull: Bool) {
    var zero = RegisterState(constant: 0)
    zero.source = provenance.node(Provenance.nowhere)
    // Of something that belongs to a handle, being 0 says nothing about the handle.
    if isNull, tested.reference != 0, tested.reference == tested.id {
      state.references.removeAll { $0.id == tested.reference }
    }
    // A lock belongs to one value: it stays known by its id.
    let isNamed = tested.kind == .mapValueOrNull && program.maps[Int(tested.map)].isNamed
    state.change(
      where: { $0.id == tested.id && $0.kind.mayBeNull },
      by: { value in
        if isNull {
          value = zero
          return
        }
        value.kind = value.kind.nonNull
        if !isNamed { value.id = 0 }
      })
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
  private mutating func comparePacket(
    _ condition: Operation.Condition, _ left: RegisterState, _ right: RegisterState, _ target: Int
  ) throws(Refusal) {
    let isForward = Self.delimits(left, right)
    guard isForward || Self.delimits(right, left) else { return try fork(to: target) }
    let pointer = isForward ? left : right
    // Written as "pointer < end" and its like.
    let holdsWhenTaken: Bool
    let isStrict: Bool
    switch (condition, isForward) {
    case (.less, true), (.greater, false): (holdsWhenTaken, isStrict) = (true, true)
    case (.lessOrEqual, true), (.greaterOrEqual, false): (holdsWhenTaken, isStrict) = (true, false)
    case (.greater, true), (.less, false): (holdsWhenTaken, isStrict) = (false, false)
    case (.greaterOrEqual, true), (.lessOrEqual, false): (holdsWhenTaken, isStrict) = (false, true)
    default: return try fork(to: target)
    }
    let longest: UInt64 = 0xffff
    guard pointer.offset >= 0, pointer.offset != 0 || !isStrict,
      pointer.scalar.maximum <= longest,
      pointer.scalar.maximum + UInt64(pointer.offset) <= longest
    else { return try fork(to: target) }
    let range = UInt32(pointer.offset) + (isStrict ? 1 : 0)
    if holdsWhenTaken {
      try fork(to: target, .packet(range: range), pointer)
    } else {
      try fork(to: target)
      extend(pointer, to: range)
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

  /// The packet reaches at least this far behind an address and its copies.
  mutating func extend(_ pointer: RegisterState, to range: UInt32) {
    state.change(
      where: { $0.kind == pointer.kind && $0.id == pointer.id },
      by: { value in
        value.range = max(value.range, range)
      })
  }
}

// `may_goto`: goes on until a budget that the program does not see is spent.
extension Explorer {
  mutating func mayGoto(_ instruction: Instruction) throws(Refusal) -> Flow {
    jumps &+= 1
    noteBothWays()
    let here = state
    state.mayGotoDepth &+= 1
    widen()
    try fork(to: slot &+ 1)
    state = here
    return .to(slot &+ 1 &+ Int(instruction.offset))
  }
}
