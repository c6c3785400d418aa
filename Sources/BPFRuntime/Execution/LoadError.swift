public import BPFInstructions

/// Why a program cannot be loaded.
public enum LoadError: Error, Hashable, Sendable {
  /// A malformed instruction.
  case instruction(InstructionError)
  /// More instructions than a program may have.
  case tooManyInstructions(Int)
  /// No helper has this number.
  case unknownHelper(Int32, instruction: Int)
  /// Linux has the helper for this type, Switchyard not yet.
  case missingHelper(Int32, name: String, instruction: Int)
  /// The helper exists, but not for programs of this type.
  case helperNotAllowed(Int32, name: String, type: String, instruction: Int)
  /// The helper is for programs under a GPL-compatible licence.
  case licenseRequired(Int32, name: String, instruction: Int)
  /// Kernel functions are not available.
  case kernelFunction(Int32, instruction: Int)
  /// Packet loads do not work in programs of this type.
  case packetLoadNotAllowed(type: String, instruction: Int)
  /// A wide immediate names a map that was not given.
  case unresolvedMap(instruction: Int)
  /// A wide immediate that names a variable of the host.
  case unresolvedVariable(instruction: Int)
  /// The map's values have no address that a program could hold (tail-calls.md R1.3).
  case noDirectValues(map: String, instruction: Int)
  /// The offset is not inside the map's value.
  case valueOffsetOutOfRange(map: String, offset: UInt32, instruction: Int)
  /// The map belongs to another runtime.
  case foreignMap(String)
  /// More maps than a program may use: E2BIG (tail-calls.md R5.12).
  case tooManyMaps(Int)
  /// An array of programs belongs to another kind of program: EINVAL (tail-calls.md R3.7).
  case incompatibleArray(String)
  /// The runtime was made without a compiler.
  case noCompiler
  /// The program was to be compiled, but nobody has verified these instructions.
  case notVerified
  /// The compiler does not take the program, for this reason.
  case notCompilable(String, instruction: Int)
  /// The host has no memory left.
  case noMemory
}

extension LoadError: CustomStringConvertible {
  /// One line: what is wrong and where.
  public var description: String {
    switch self {
    case .instruction(let error): "\(error)"
    case .tooManyInstructions(let count):
      "the program has \(count) instructions, the limit is \(Limits.instructions)"
    case .unknownHelper(let number, let index):
      "instruction \(index): invalid func unknown#\(number)"
    case .missingHelper(let number, let name, let index):
      "instruction \(index): helper bpf_\(name)#\(number) is not available yet"
    case .helperNotAllowed(let number, let name, let type, let index):
      "instruction \(index): program of this type (\(type)) cannot use helper bpf_\(name)#\(number)"
    case .licenseRequired(let number, let name, let index):
      "instruction \(index): cannot call GPL-restricted function bpf_\(name)#\(number) from "
        + "non-GPL compatible program"
    case .kernelFunction(let number, let index):
      "instruction \(index): kernel function #\(number) is not available outside Linux"
    case .packetLoadNotAllowed(let type, let index):
      "instruction \(index): BPF_LD_[ABS|IND] instructions not allowed for this program type"
        + " (\(type))"
    case .unresolvedMap(let index): "instruction \(index): refers to a map that was not given"
    case .unresolvedVariable(let index):
      "instruction \(index): refers to a kernel variable, which does not exist outside Linux"
    case .noDirectValues(let map, let index):
      "instruction \(index): no direct value access support for map \(map)"
    case .valueOffsetOutOfRange(let map, let offset, let index):
      "instruction \(index): offset \(offset) is outside the value of map \(map)"
    case .foreignMap(let map): "map \(map) belongs to another runtime"
    case .tooManyMaps(let count):
      "the program uses \(count) maps, the limit is \(Limits.mapsPerProgram)"
    case .incompatibleArray(let map):
      "map \(map) belongs to programs of another kind: EINVAL (22)"
    case .noCompiler: "this runtime has no compiler: ENOTSUPP (524)"
    case .notVerified: "only verified programs are compiled: EACCES (13)"
    case .notCompilable(let reason, let index): "instruction \(index): \(reason): ENOTSUPP (524)"
    case .noMemory: "no memory for the program"
    }
  }
}

extension LoadError {
  /// The slot of the instruction that it is about, if it is about one.
  public var instruction: Int? {
    switch self {
    case .instruction(let error): error.index
    case .unknownHelper(_, let index), .missingHelper(_, _, let index),
      .helperNotAllowed(_, _, _, let index), .licenseRequired(_, _, let index),
      .kernelFunction(_, let index), .packetLoadNotAllowed(_, let index),
      .unresolvedMap(let index), .unresolvedVariable(let index), .noDirectValues(_, let index),
      .notCompilable(_, let index), .valueOffsetOutOfRange(_, _, let index):
      index
    case .tooManyInstructions, .foreignMap, .tooManyMaps, .incompatibleArray, .noCompiler,
      .notVerified, .noMemory:
      nil
    }
  }
}
