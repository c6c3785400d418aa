/// Why a checked run stopped before its program ended.
public struct Fault: Error, Hashable, Sendable {
  /// Name of the program that ran, which may be another than the one that was started.
  public var program: String
  /// Slot of the instruction in that program.
  public var instruction: Int
  /// The instruction in the assembler's notation.
  public var instructionText: String
  /// What it did.
  public var kind: Kind

  init(contextIsNotOf type: ProgramType, program: String) {
    self.init(
      program: program, instruction: 0, instructionText: "", kind: .contextOfAnotherType(type.name))
  }

  init(program: String, instruction: Int, instructionText: String, kind: Kind) {
    self.program = program
    self.instruction = instruction
    self.instructionText = instructionText
    self.kind = kind
  }

  /// What a program can do that a checked run does not let it.
  public enum Kind: Hashable, Sendable {
    /// Read of `size` bytes outside everything that the program may touch.
    case invalidRead(address: UInt64, size: Int)
    /// Write of `size` bytes outside everything that the program may touch.
    case invalidWrite(address: UInt64, size: Int)
    /// Access to a context field that does not exist, or not in this way.
    case invalidContextAccess(offset: Int, size: Int, isWrite: Bool)
    /// Atomic update of an address that is not a multiple of its size.
    case misalignedAtomic(address: UInt64, size: Int)
    /// Argument `number` (from 1) of a helper is not what the helper takes.
    case invalidHelperArgument(number: Int, value: UInt64)
    /// More frames than a program may stack up.
    case callStackTooDeep
    /// An indirect call to something that is neither a subprogram nor a helper.
    case invalidCallTarget(UInt64)
    /// Tail call without the unmodified context in r1 (tail-calls.md R1.2).
    case tailCallWithoutContext(UInt64)
    /// Tail call through something that is not an array of programs (tail-calls.md R1.3).
    case tailCallWithoutArray(UInt64)
    /// Legacy packet load without the context in r6 (RFC 9669 section 5.5).
    case packetLoadWithoutContext(UInt64)
    /// More instructions executed than the run was given, or helpers were given more memory to
    /// work on than goes with that.
    case instructionLimit
    /// The context is not one for programs of this type, so that the run did not start.
    case contextOfAnotherType(String)
  }
}

extension Fault: CustomStringConvertible {
  /// One line: program, instruction and what it did.
  public var description: String {
    "program \(program), instruction \(instruction) (\(instructionText)): \(kind)"
  }
}

extension Fault.Kind: CustomStringConvertible {
  /// What happened, in words.
  public var description: String {
    switch self {
    case .invalidRead(let address, let size):
      "read of \(size) bytes at \(hexadecimal(address)), which is not the program's memory"
    case .invalidWrite(let address, let size):
      "write of \(size) bytes at \(hexadecimal(address)), which is not the program's memory"
    case .invalidContextAccess(let offset, let size, let isWrite):
      "invalid \(isWrite ? "write to" : "read of") the context: off=\(offset) size=\(size)"
    case .misalignedAtomic(let address, let size):
      "atomic access of \(size) bytes at \(hexadecimal(address)), which is not aligned"
    case .invalidHelperArgument(let number, let value):
      "argument \(number) of the helper is \(hexadecimal(value)), which is not what it takes"
    case .callStackTooDeep: "the call stack is too deep: a program has at most 8 frames"
    case .invalidCallTarget(let value):
      "indirect call to \(hexadecimal(value)), which is no subprogram and no helper"
    case .tailCallWithoutContext(let value):
      "tail call with \(hexadecimal(value)) in r1, which is not the unmodified context"
    case .tailCallWithoutArray(let value):
      "tail call with \(hexadecimal(value)) in r2, which is not an array of programs"
    case .packetLoadWithoutContext(let value):
      "packet load with \(hexadecimal(value)) in r6, which is not the context"
    case .instructionLimit: "more instructions executed than the run allows"
    case .contextOfAnotherType(let type): "the context is not one for programs of type \(type)"
    }
  }

  private func hexadecimal(_ value: UInt64) -> String {
    "0x" + String(value, radix: 16)
  }
}

/// A fault's kind as it stands in the CPU's words.
enum FaultCode: UInt8 {
  case none = 0
  case invalidRead
  case invalidWrite
  case invalidContextRead
  case invalidContextWrite
  case misalignedAtomic
  case invalidHelperArgument
  case callStackTooDeep
  case invalidCallTarget
  case tailCallWithoutContext
  case tailCallWithoutArray
  case packetLoadWithoutContext
  case instructionLimit

  func kind(address: UInt64, detail: Int) -> Fault.Kind? {
    switch self {
    case .none: nil
    case .invalidRead: .invalidRead(address: address, size: detail)
    case .invalidWrite: .invalidWrite(address: address, size: detail)
    case .invalidContextRead:
      .invalidContextAccess(
        offset: Int(truncatingIfNeeded: address), size: detail, isWrite: false)
    case .invalidContextWrite:
      .invalidContextAccess(offset: Int(truncatingIfNeeded: address), size: detail, isWrite: true)
    case .misalignedAtomic: .misalignedAtomic(address: address, size: detail)
    case .invalidHelperArgument: .invalidHelperArgument(number: detail, value: address)
    case .callStackTooDeep: .callStackTooDeep
    case .invalidCallTarget: .invalidCallTarget(address)
    case .tailCallWithoutContext: .tailCallWithoutContext(address)
    case .tailCallWithoutArray: .tailCallWithoutArray(address)
    case .packetLoadWithoutContext: .packetLoadWithoutContext(address)
    case .instructionLimit: .instructionLimit
    }
  }
}
