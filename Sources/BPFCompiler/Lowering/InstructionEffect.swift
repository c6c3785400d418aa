import BPFInstructions
import BPFRuntime

/// What an instruction does to registers, one bit per register, and where it leads: what every pass
/// asks, so it is found out once.
struct InstructionEffect {
  /// Registers that it reads.
  private(set) var reads: UInt16
  /// Registers that it writes.
  private(set) var writes: UInt16 = 0
  private var traits = Traits()

  private struct Traits: OptionSet {
    var rawValue: UInt8 = 0

    static let clearsUpperHalf = Traits(rawValue: 1)
    static let isTransfer = Traits(rawValue: 2)
    static let isCall = Traits(rawValue: 4)
  }

  /// Whether the result's upper half is zero, whatever the operands are.
  var clearsUpperHalf: Bool { traits.contains(.clearsUpperHalf) }
  /// Whether something else than the next instruction may be executed after it.
  var isTransfer: Bool { traits.contains(.isTransfer) }
  /// Whether it calls something, or another program.
  var isCall: Bool { traits.contains(.isCall) }

  /// Registers that it reads or writes.
  var used: UInt16 { reads | writes }

  init(_ instruction: DecodedInstruction) {
    let destination: UInt16 = 1 &<< UInt16(instruction.destination & 0xf)
    let source: UInt16 = 1 &<< UInt16(instruction.source & 0xf)
    switch instruction.operation.kind {
    case .arithmetic(let operation, let width, let operand):
      reads = (operand == .register ? source : 0) | (operation == .move ? 0 : destination)
      writes = destination
      if width == .bits32 { traits = .clearsUpperHalf }
    case .signExtendingMove(_, let width):
      reads = source
      writes = destination
      if width == .bits32 { traits = .clearsUpperHalf }
    case .negate(let width):
      reads = destination
      writes = destination
      if width == .bits32 { traits = .clearsUpperHalf }
    case .byteOrder(_, let bits):
      reads = destination
      writes = destination
      if bits < 64 { traits = .clearsUpperHalf }
    case .load, .loadAcquire:
      reads = source
      writes = destination
    case .store(_, let operand): reads = destination | (operand == .register ? source : 0)
    case .storeRelease: reads = destination | source
    case .atomic(let update, _):
      reads = destination | source | (update == .compareExchange ? 1 : 0)
      writes =
        update == .compareExchange
        ? 1 : instruction.operation.readsIntoSource ? source : 0
    case .loadImmediate64:
      reads = 0
      writes = destination
    case .loadPacket(_, let indirect):
      reads = 0b100_0000 | (indirect ? source : 0)
      writes = 1
    case .branch(_, _, let operand):
      reads = destination | (operand == .register ? source : 0)
      traits = .isTransfer
    case .jump, .mayGoto:
      reads = 0
      traits = .isTransfer
    case .exit:
      reads = 1
      traits = .isTransfer
    case .tailCall:
      reads = 0b1110
      traits = .isCall
    case .callRegister:
      reads = destination | 0b11_1110
      writes = 0b11_1111
      traits = .isCall
    case .callHelper, .callSubprogram, .callKernelFunction:
      reads = 0b11_1110
      writes = 0b11_1111
      traits = .isCall
    }
  }
}
