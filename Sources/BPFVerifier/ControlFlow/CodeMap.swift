import BPFInstructions
import BPFObject

/// A program's code, decoded, with what can be told without following values.
struct CodeMap {
  /// By slot; `nil` for second halves and for what cannot be decoded.
  private(set) var kinds: [Operation.Kind?]
  /// What is wrong with slots that cannot be decoded; it only matters where a path gets there.
  private(set) var malformed: [Int: InstructionError] = [:]
  /// Whether a slot is always followed by the next one.
  private(set) var goesOn: [Bool]
  /// The slots with more to them than what they do to registers and memory: those that may lead
  /// elsewhere or refer to something, and what cannot be decoded. In order.
  private(set) var notable: [Int] = []
  var functions: [FunctionCode] = []
  /// Where states are compared.
  var isPrunePoint: [Bool]
  /// Where a loop starts over that is only bounded when the program runs: at a `may_goto` and at
  /// helpers that call functions back.
  var isLoopPoint: [Bool]
  /// Registers that may still be read, before each slot: one bit each.
  var liveRegisters: [UInt16] = []

  /// A function's slots and what its code contains.
  struct FunctionCode {
    var start: Int
    var end: Int
    var name: String
    var isGlobal = false
    var prototype: FunctionPrototype?
    var hasTailCall = false
    var hasPacketLoad = false
    /// Whether it, or a function that it calls, may change the packet.
    var changesPacket = false
    /// Slots of calls, and the functions that they call.
    var calls: [(slot: Int, function: Int)] = []
    var isCallback = false

    var slots: Range<Int> { start..<end }
  }

  init(_ instructions: [Instruction]) {
    kinds = []
    kinds.reserveCapacity(instructions.count)
    goesOn = [Bool](repeating: true, count: instructions.count)
    isPrunePoint = [Bool](repeating: false, count: instructions.count)
    isLoopPoint = isPrunePoint
    var isSecondHalf = false
    for (index, instruction) in instructions.enumerated() {
      if isSecondHalf {
        kinds.append(nil)
        isSecondHalf = false
        continue
      }
      do throws(InstructionError) {
        let operation = try Operation(instruction, at: index)
        let kind = operation.kind
        kinds.append(kind)
        switch kind {
        case .exit, .jump, .branch, .mayGoto, .loadImmediate64:
          goesOn[index] = false
          notable.append(index)
        case .tailCall, .callHelper, .callSubprogram, .callKernelFunction, .callRegister,
          .loadPacket:
          notable.append(index)
        default: break
        }
      } catch {
        malformed[index] = error
        kinds.append(nil)
        notable.append(index)
      }
      isSecondHalf = instruction.opcode == Opcode.loadImmediate64
      if isSecondHalf { goesOn[index] = false }
    }
  }

  /// The function that a slot belongs to.
  func function(at slot: Int) -> Int {
    var low = 0
    var high = functions.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if functions[middle].start <= slot { low = middle } else { high = middle }
    }
    return low
  }

  /// The function that starts at a slot.
  func function(startingAt slot: Int) -> Int? {
    let index = function(at: slot)
    return functions[index].start == slot ? index : nil
  }

  /// The slots that may follow a slot within its function.
  func successors(of slot: Int, _ instruction: Instruction) -> (Int?, Int?) {
    guard let kind = kinds[slot] else {
      // What cannot be decoded is refused when a path gets there.
      return (slot + (instruction.opcode == Opcode.loadImmediate64 ? 2 : 1), nil)
    }
    switch kind {
    case .exit: return (nil, nil)
    case .jump(let long):
      return (slot + 1 + (long ? Int(instruction.immediate) : Int(instruction.offset)), nil)
    case .branch, .mayGoto: return (slot + 1, slot + 1 + Int(instruction.offset))
    case .loadImmediate64: return (slot + 2, nil)
    default: return (slot + 1, nil)
    }
  }
}
