import BPFInstructions
import BPFRuntime

/// What an instruction does to registers, one bit per register, and where it leads: what every pass
/// asks, so it is found out once.
struct InstructionEffect {
  /// Registers that it reads.
  private(set) var reads: UInt16
  /// Registers that it writes.
  private(set) var writes: UInt16 = 0
  /// Whether the result's upper half is zero, whatever the operands are.
  private(set) var clearsUpperHalf = false
  /// Whether something else than the next instruction may be executed after it.
  private(set) var isTransfer = false
  /// Whether it calls something, or another program.
  private(set) var isCall = false

  /// Registers that it reads or writes.
  var used: UInt16 { reads | writes }

  init(_ instruction: DecodedInstruction, _ kind: Operation.Kind) {
    let destination: UInt16 = 1 &<< UInt16(instruction.destination & 0xf)
    let source: UInt16 = 1 &<< UInt16(instruction.source & 0xf)
    switch kind {
    case .arithmetic(let operation, let width, let operand):
      reads = (operand == .register ? source : 0) | (operation == .move ? 0 : destination)
      writes = destination
      clearsUpperHalf = width == .bits32
    case .signExtendingMove(_, let width):
      reads = source
      writes = destination
      clearsUpperHalf = width == .bits32
    case .negate(let width):
      reads = destination
      writes = destination
      clearsUpperHalf = width == .bits32
    case .byteOrder(_, let bits):
      reads = destination
      writes = destination
      clearsUpperHalf = bits < 64
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
      isTransfer = true
    case .jump, .mayGoto:
      reads = 0
      isTransfer = true
    case .exit:
      reads = 1
      isTransfer = true
    case .tailCall:
      reads = 0b1110
      isCall = true
    case .callRegister:
      reads = destination | 0b11_1110
      writes = 0b11_1111
      isCall = true
    case .callHelper, .callSubprogram, .callKernelFunction:
      reads = 0b11_1110
      writes = 0b11_1111
      isCall = true
    }
  }
}
