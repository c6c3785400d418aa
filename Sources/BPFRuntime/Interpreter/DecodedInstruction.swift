// UNSAFE. Pre-decoded instructions in raw memory, and the pointer that walks them.
//
// Invariant: a CodePointer points into the image of a living program; images are validated before
// they are made (every jump lands inside, the last instruction ends the program), so stepping
// never leaves the image.

package import BPFInstructions

/// An instruction as the interpreter executes it: wide immediates in one piece, jump distances in
/// decoded instructions, helpers resolved to addresses.
package struct DecodedInstruction: Sendable {
  /// What to do.
  package var operation: Operation
  /// Number of the destination register.
  package var destination: UInt8
  /// Number of the source register.
  package var source: UInt8
  /// Offset of a memory access in bytes, or distance of a jump from the next instruction.
  package var offset: Int32
  /// Sign-extended immediate; address of a helper; number of a tail-call site.
  package var immediate: Int64

  static let byteCount = 16
}

/// Where the interpreter is.
@safe
struct CodePointer {
  private var pointer: UnsafePointer<DecodedInstruction>

  /// The instruction at an address, which is a slot's content or the target of a call.
  @inline(__always)
  init(address: UInt64) {
    unsafe pointer = UnsafePointer(bitPattern: UInt(address)).unsafelyUnwrapped
  }

  /// The address of the next instruction.
  @inline(__always)
  var address: UInt64 { unsafe UInt64(UInt(bitPattern: pointer)) }

  /// Takes the next instruction.
  @inline(__always)
  mutating func next() -> InstructionReference {
    let reference = unsafe InstructionReference(pointer: pointer)
    unsafe pointer += 1
    return reference
  }

  /// Moves by a distance in instructions.
  @inline(__always)
  mutating func jump(_ distance: Int32) {
    unsafe pointer += Int(distance)
  }
}

/// An instruction that is being executed. Its fields are loaded where they are used: the dispatch
/// in front of every instruction needs nothing but the operation, and measures shorter that way.
@safe
struct InstructionReference {
  fileprivate let pointer: UnsafePointer<DecodedInstruction>

  /// What to do.
  @inline(__always)
  var operation: Operation { unsafe pointer.pointee.operation }

  /// Number of the destination register; four bits, so that sixteen cells need no bounds check.
  @inline(__always)
  var d: Int { unsafe Int(pointer.pointee.destination & 0xf) }

  /// Number of the source register.
  @inline(__always)
  var s: Int { unsafe Int(pointer.pointee.source & 0xf) }

  /// Distance of a jump, or index of a helper's signature.
  @inline(__always)
  var offset: Int32 { unsafe pointer.pointee.offset }

  /// Offset of a memory access, ready to be added to an address.
  @inline(__always)
  var distance: UInt64 { unsafe UInt64(bitPattern: Int64(pointer.pointee.offset)) }

  /// Sign-extended immediate; address of a helper; number of a tail-call site.
  @inline(__always)
  var immediate: Int64 { unsafe pointer.pointee.immediate }
}
