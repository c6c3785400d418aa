import BPFInstructions
import BPFRuntime

/// Wide constants of loops, in registers that a function has no use for.
///
/// Addresses of map values are 64 bits wide, so every instruction that names one is ten bytes long
/// and yields something that has to be added to. Held in a register, it is the base of addresses.
struct HeldConstants {
  private(set) var held: [Plan.HeldConstant] = []
  private var spare: [UInt8] = []

  init() {}

  /// Chooses for one function.
  init(function number: Int, _ unit: CompilationUnit, _ shape: ProgramShape, _ flow: ControlFlow) {
    guard flow.hasLoops, !shape.sharesCode else { return }
    let range = shape.functions[number].range
    let blocks = Int(flow.blockAt[range.lowerBound])..<flow.blocks.count
    var used: UInt16 = 0
    var hasLoop = false
    for block in blocks {
      guard flow.blocks[block].function == number else { break }
      used |= flow.blocks[block].used
      hasLoop = hasLoop || flow.blocks[block].isInLoop
    }
    guard hasLoop, !shape.callsFunctions(number) else { return }
    // r1 to r5 are used by every call. r1 and r2 of the program are its arguments.
    spare = [5, 4, 3, 2, 1, 9, 8, 7, 6].filter { used >> UInt16($0) & 1 == 0 }
    for block in blocks where flow.blocks[block].isInLoop && flow.blocks[block].isReached {
      guard flow.blocks[block].function == number else { break }
      for index in flow.blocks[block].range
      where unit.instructions[index].operation == .move64Immediate {
        guard unit.functionAddresses[index] == nil else { continue }
        add(UInt64(bitPattern: unit.instructions[index].immediate))
      }
    }
  }

  private mutating func add(_ value: UInt64) {
    guard value > UInt64(UInt32.max), Int32(exactly: Int64(bitPattern: value)) == nil,
      place(of: value) == nil, let register = spare.popLast()
    else { return }
    held.append(Plan.HeldConstant(register: register, value: value))
  }

  /// The register that holds a value up to a distance, if there is one.
  func place(of value: UInt64) -> (register: UInt8, distance: Int32)? {
    for constant in held {
      if let distance = Int32(exactly: Int64(bitPattern: value &- constant.value)) {
        return (constant.register, distance)
      }
    }
    return nil
  }
}
