import BPFInstructions
import BPFKernel

/// The types that Linux wants of a program whose subprograms make tail calls (R2.9): every
/// subprogram is `static int f(void)`, which Linux does not compare with the arguments of a static
/// function.
struct SubprogramTypes {
  /// Where functions start, the main program first; empty for a program without subprograms.
  let slots: [UInt32]

  init(_ instructions: [Instruction]) {
    var starts: Set<Int> = []
    for (slot, instruction) in instructions.enumerated() {
      let isCall = instruction.opcode == Opcode.call && instruction.source == .r1
      let isAddress =
        instruction.opcode == Opcode.loadImmediate64
        && instruction.source.rawValue == PseudoSource.function.rawValue
      if isCall || isAddress { starts.insert(slot + 1 + Int(instruction.immediate)) }
    }
    slots = starts.isEmpty ? [] : ([0] + starts.sorted()).map { UInt32($0) }
  }

  /// `func_info`.
  var records: [KernelProgram.FunctionInfo] {
    slots.enumerated().map { KernelProgram.FunctionInfo(slot: $1, typeID: UInt32(3 + $0)) }
  }

  /// A `.BTF` section: an int, a function type that returns it, and the functions.
  var bytes: [UInt8] {
    var names = Array("\0int\0".utf8)
    var types: [UInt32] = [1, 1 << 24, 4, 1 << 24 | 32, 0, 13 << 24, 1]
    for slot in slots {
      types += [UInt32(names.count), 12 << 24, 2]
      names += Array("function_\(slot)\0".utf8)
    }
    let typeByteCount = UInt32(types.count * 4)
    let header: [UInt32] = [
      0x0001_eb9f, 24, 0, typeByteCount, typeByteCount, UInt32(names.count),
    ]
    return (header + types).flatMap { KernelBytes.word($0) } + names
  }
}
