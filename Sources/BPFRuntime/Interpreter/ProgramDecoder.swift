// UNSAFE. Turns validated instructions into what the interpreter executes.
//
// Invariant: a helper's address is that of a function that lives for ever.

import BPFInstructions

/// A decoded program that does not have its place in memory yet.
struct DecodedProgram {
  /// The instructions; function addresses are still relative to the first one.
  var instructions: [DecodedInstruction] = []
  /// For every decoded instruction, its slot.
  var slots: [UInt32] = []
  /// The helpers that are called; a call's offset is an index into this.
  var helpers: [Helper] = []
  /// The slots of the tail calls.
  var tailCallSites: [Int] = []
  /// Decoded instructions whose immediate is the address of a subprogram.
  private(set) var functionAddresses: [Int] = []

  /// Decodes a program.
  ///
  /// - Throws: ``LoadError`` for the first instruction that cannot be executed.
  init(_ source: ProgramSource) throws(LoadError) {
    let operations: [Operation?]
    do throws(InstructionError) {
      operations = try source.instructions.validate()
    } catch {
      throw .instruction(error)
    }
    // A wide immediate takes two slots and one decoded instruction.
    var positions: [Int32] = []
    positions.reserveCapacity(operations.count)
    var position: Int32 = 0
    for operation in operations {
      positions.append(position)
      if operation != nil { position += 1 }
    }
    instructions.reserveCapacity(Int(position))
    slots.reserveCapacity(Int(position))
    var numbers: [Int32: Int] = [:]
    for slot in operations.indices {
      guard let operation = operations[slot] else { continue }
      let instruction = source.instructions[slot]
      var decoded = DecodedInstruction(
        operation: operation, destination: instruction.destination.rawValue,
        source: instruction.source.rawValue, offset: Int32(instruction.offset),
        immediate: Int64(instruction.immediate))
      if let target = source.instructions.jumpTarget(of: operation, at: slot) {
        decoded.offset = positions[target] - positions[slot] - 1
      }
      if operation.isResolved { try resolve(&decoded, at: slot, in: source, &numbers) }
      instructions.append(decoded)
      slots.append(UInt32(slot))
    }
  }

  private mutating func resolve(
    _ decoded: inout DecodedInstruction, at slot: Int, in source: ProgramSource,
    _ numbers: inout [Int32: Int]
  ) throws(LoadError) {
    let instruction = source.instructions[slot]
    switch decoded.operation.kind {
    case .loadImmediate64:
      let next = source.instructions[slot + 1]
      decoded.immediate = Int64(
        bitPattern: try Self.wideImmediate(instruction, next, at: slot, in: source))
      if instruction.source.rawValue == PseudoSource.function.rawValue {
        decoded.immediate = Int64(instructions.count + 1 + Int(decoded.offset))
        functionAddresses.append(instructions.count)
      }
      decoded.operation = .move64Immediate
    case .tailCall:
      decoded.immediate = Int64(tailCallSites.count)
      tailCallSites.append(slot)
    case .callHelper:
      let helper = try Self.helper(instruction.immediate, at: slot, for: source.type)
      guard !helper.isGPLOnly || source.isGPLCompatible else {
        throw .licenseRequired(helper.number, name: helper.name, instruction: slot)
      }
      let index = numbers[helper.number] ?? helpers.count
      if index == helpers.count {
        numbers[helper.number] = index
        helpers.append(helper)
      }
      decoded.offset = Int32(index)
      decoded.source = helper.callsBack ? 1 : 0
      decoded.immediate = Int64(unsafe unsafeBitCast(helper.function, to: Int.self))
    case .callKernelFunction:
      throw .kernelFunction(instruction.immediate, instruction: slot)
    case .callRegister:
      decoded.destination = instruction.calledRegister.rawValue
    case .loadPacket(let size, let indirect):
      guard source.type.allowsPacketLoads else {
        throw .packetLoadNotAllowed(type: source.type.name, instruction: slot)
      }
      // One form for both: cell 11 of the interpreter's registers is always zero.
      decoded.destination = UInt8(size.byteCount)
      if !indirect { decoded.source = 11 }
    default: break
    }
  }

  private static func wideImmediate(
    _ instruction: Instruction, _ next: Instruction, at slot: Int, in source: ProgramSource
  ) throws(LoadError) -> UInt64 {
    switch PseudoSource(rawValue: instruction.source.rawValue) {
    case .immediate, .function, nil: return instruction.wideImmediate(next: next)
    case .variable: throw .unresolvedVariable(instruction: slot)
    case .mapDescriptor, .mapIndex, .mapValueByDescriptor, .mapValueByIndex:
      guard let reference = source.maps[slot] else { throw .unresolvedMap(instruction: slot) }
      let map = reference.map.map
      guard let offset = reference.valueOffset else { return map.header.address }
      guard let address = map.directValueAddress else {
        throw .noDirectValues(map: map.definition.name, instruction: slot)
      }
      guard offset < map.definition.valueSize else {
        throw .valueOffsetOutOfRange(
          map: map.definition.name, offset: offset, instruction: slot)
      }
      return address &+ UInt64(offset)
    }
  }

  private static func helper(
    _ number: Int32, at slot: Int, for type: ProgramType
  ) throws(LoadError) -> Helper {
    if let helper = type.helpers[number] { return helper }
    guard let name = HelperNames.name(of: number) else {
      throw .unknownHelper(number, instruction: slot)
    }
    if type.missingHelpers.contains(number) {
      throw .missingHelper(number, name: name, instruction: slot)
    }
    throw .helperNotAllowed(number, name: name, type: type.name, instruction: slot)
  }

  /// The instructions with function addresses for a first instruction at `entry`.
  func relocated(to entry: UInt64) -> [DecodedInstruction] {
    var result = instructions
    for index in functionAddresses {
      let position = UInt64(bitPattern: result[index].immediate)
      result[index].immediate = Int64(
        bitPattern: entry &+ position &* UInt64(DecodedInstruction.byteCount))
    }
    return result
  }
}

extension Operation {
  /// Whether the interpreter executes something else than what stands in the slot.
  fileprivate var isResolved: Bool {
    switch self {
    case .tailCall, .callHelper, .callKernelFunction, .callRegister, .loadImmediate64,
      .loadPacketAbsoluteByte, .loadPacketAbsoluteHalf, .loadPacketAbsoluteWord,
      .loadPacketIndirectByte, .loadPacketIndirectHalf, .loadPacketIndirectWord:
      true
    default: false
    }
  }
}
