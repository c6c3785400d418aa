import BPFInstructions
import BPFRuntime

// Arithmetic on addresses: they move by numbers that are known well enough.
extension Explorer {
  mutating func pointerArithmetic(
    _ instruction: Instruction, _ operation: Operation.Arithmetic, _ width: Operation.Width,
    _ left: RegisterState, _ right: RegisterState
  ) throws(Refusal) {
    let number = Int(instruction.destination.rawValue)
    if !left.isScalar, !right.isScalar {
      guard operation == .subtract, !options.isStrict else {
        throw .access("R\(number) pointer \(operation.symbol) pointer prohibited", register: number)
      }
      facts[slot].noteNumbers()
      self[instruction.destination] = .unknown
      return
    }
    let pointer = left.isScalar ? right : left
    let distance = left.isScalar ? left : right
    needsPrecisely(distance)
    if width == .bits32 {
      guard operation == .subtract, !options.isStrict else {
        throw .access("R\(number) 32-bit pointer arithmetic prohibited", register: number)
      }
      self[instruction.destination] = .unknown
      return
    }
    try checkMovable(pointer, by: distance, operation, number)
    facts[slot].note(
      movementBetween: distance.scalar.signedMinimum, and: distance.scalar.signedMaximum,
      inDestination: left.isScalar)
    var result = pointer
    switch operation {
    case .add: add(distance, to: &result)
    case .subtract:
      if left.isScalar {
        throw .access("R\(number) tried to subtract pointer from scalar", register: number)
      }
      if pointer.kind == .stack {
        throw .access("R\(number) subtraction from stack pointer prohibited", register: number)
      }
      subtract(distance, from: &result)
    case .and, .or, .xor:
      throw .access(
        "R\(number) bitwise operator \(operation.symbol) on pointer prohibited", register: number)
    default:
      throw .access(
        "R\(number) pointer arithmetic with \(operation.symbol) operator prohibited",
        register: number)
    }
    try checkSane(result, number)
    self[instruction.destination] = result
  }

  private func checkMovable(
    _ pointer: RegisterState, by distance: RegisterState, _ operation: Operation.Arithmetic,
    _ number: Int
  ) throws(Refusal) {
    if pointer.kind.mayBeNull {
      throw .access(
        "R\(number) pointer arithmetic on \(pointer.typeName) prohibited, null-check it first",
        register: number)
    }
    switch pointer.kind {
    case .context, .mapValue, .mapKey, .stack, .packet, .packetMetadata, .memory,
      .tracepointBuffer, .kernelObject, .dynptr:
      break
    case .flowKeys where distance.scalar.isConstant: break
    case .map
    where operation == .add && distance.scalar.signedMinimum == 0
      && distance.scalar.isConstant:
      break
    default:
      throw .access(
        "R\(number) pointer arithmetic on \(pointer.typeName) prohibited", register: number)
    }
    try checkSane(pointer, number, distance: distance.scalar)
    try checkSane(pointer, number)
  }

  /// Distances stay far below what would make an address wrap.
  private func checkSane(
    _ pointer: RegisterState, _ number: Int, distance: Scalar? = nil
  ) throws(Refusal) {
    let limit: Int64 = 1 << 29
    let name = pointer.kind.logName
    let scalar = distance ?? pointer.scalar
    if let constant = scalar.constant {
      let value = Int64(bitPattern: constant)
      if value <= -limit || value >= limit {
        throw .invalid("math between \(name) pointer and \(value) is not allowed", register: number)
      }
    }
    if distance == nil, Int64(pointer.offset) <= -limit || Int64(pointer.offset) >= limit {
      throw .invalid("\(name) pointer offset \(pointer.offset) is not allowed", register: number)
    }
    if scalar.signedMinimum == .min {
      throw .invalid(
        "math between \(name) pointer and register with unbounded min value is not allowed",
        register: number)
    }
    if scalar.signedMinimum <= -limit || scalar.signedMinimum >= limit {
      throw .invalid(
        "value \(scalar.signedMinimum) makes \(name) pointer be out of bounds", register: number)
    }
  }

  private mutating func add(_ distance: RegisterState, to pointer: inout RegisterState) {
    if let constant = distance.scalar.constant,
      let sum = Int32(exactly: Int64(pointer.offset) &+ Int64(bitPattern: constant))
    {
      pointer.offset = sum
      return
    }
    pointer.scalar = Scalar.apply(.add, .bits64, pointer.scalar, distance.scalar)
    if pointer.kind.isPacket {
      // What was compared with the end was another address.
      pointer.id = newID()
      pointer.range = 0
    }
  }

  private mutating func subtract(_ distance: RegisterState, from pointer: inout RegisterState) {
    if let constant = distance.scalar.constant,
      let difference = Int32(exactly: Int64(pointer.offset) &- Int64(bitPattern: constant))
    {
      pointer.offset = difference
      return
    }
    let mayGrow = distance.scalar.signedMinimum < 0
    pointer.scalar = Scalar.apply(.subtract, .bits64, pointer.scalar, distance.scalar)
    if pointer.kind.isPacket {
      pointer.id = newID()
      if mayGrow { pointer.range = 0 }
    }
  }
}

extension Operation.Arithmetic {
  /// The operator in Linux's messages.
  var symbol: String {
    switch self {
    case .add: "+="
    case .subtract: "-="
    case .multiply: "*="
    case .divide, .signedDivide: "/="
    case .or: "|="
    case .and: "&="
    case .shiftLeft: "<<="
    case .shiftRight: ">>="
    case .modulo, .signedModulo: "%="
    case .xor: "^="
    case .move: "="
    case .arithmeticShiftRight: "s>>="
    }
  }
}
