import BPFInstructions
import BPFObject
import DPDKPeer

/// DPDK's BPF library, where it is installed.
enum DPDK {
  static let isAvailable = dpdk_is_available() != 0
}

/// A program in DPDK's library, which verifies and compiles it. It knows no maps: r1 points to the
/// only memory that a program has.
final class DPDKProgram {
  /// Where on the stack r1 is kept, which programs of the benchmark do not use.
  private static let kept: Int16 = -512

  private let handle: UnsafeMutableRawPointer

  /// `nil` where the library refuses the program: loops above all, and jumps that compare 32 bits.
  init?(_ instructions: [Instruction], memoryByteCount: Int = 64) {
    guard DPDK.isAvailable else { return nil }
    let words = instructions.map { $0.littleEndianWord.littleEndian }
    let handle = words.withUnsafeBytes { buffer in
      dpdk_load(buffer.baseAddress, UInt32(buffer.count / 8), UInt64(memoryByteCount))
    }
    guard let handle else { return nil }
    self.handle = handle
  }

  /// A program whose only map is one value: r1 is kept, and where it names the map it gets r1.
  convenience init?(_ spec: ProgramSpec, memoryByteCount: Int) {
    var instructions = spec.instructions
    for (slot, reference) in spec.references {
      guard case .mapValue(_, let offset) = reference else { return nil }
      let register = instructions[slot].destination
      instructions[slot] = Instruction(
        .loadDoubleWord, destination: register, source: .r10, offset: Self.kept)
      instructions[slot + 1] = Instruction(
        .add64Immediate, destination: register, immediate: Int32(bitPattern: offset))
    }
    let keep = Instruction(
      .storeDoubleWordRegister, destination: .r10, source: .r1, offset: Self.kept)
    self.init([keep] + instructions, memoryByteCount: memoryByteCount)
  }

  deinit { dpdk_unload(handle) }

  /// Runs it a number of times; returns the last result.
  func run(_ memory: inout [UInt8], repetitions: Int) -> UInt64 {
    memory.withUnsafeMutableBytes { dpdk_run(handle, $0.baseAddress, UInt64(repetitions)) }
  }
}
