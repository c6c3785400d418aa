public import BPFInstructions

/// The smallest BTF that says what the functions of a program take and return.
public struct FunctionTypes: Hashable, Sendable {
  /// A `.BTF` section.
  public private(set) var bytes: [UInt8] = []
  /// One record per function, in order of slots, the program itself first.
  public private(set) var records: [Record] = []

  /// Where a function starts, and its type's id in ``bytes``.
  public struct Record: Hashable, Sendable {
    /// The first slot.
    public var slot: Int
    /// The id of the function's type.
    public var typeID: UInt32
  }

  private var words: [UInt32] = []
  private var strings: [UInt8] = [0]
  private var count: UInt32 = 0
  private let context: String

  /// Describes the functions of a case, the labels of which are in `program`; `nil` when the case
  /// describes none.
  public init?(_ verifierCase: VerifierCase, in program: AssembledProgram) {
    guard !verifierCase.functions.isEmpty else { return nil }
    self.init(verifierCase.functions, in: program, context: verifierCase.contextStructure)
  }

  /// Describes functions, the labels of which are in `program`.
  ///
  /// - Parameter context: The structure that the program itself gets.
  public init(
    _ functions: [VerifierCase.Function], in program: AssembledProgram, context: String
  ) {
    self.context = context
    let main = VerifierCase.Function(
      name: "program", isGlobal: true, result: .int, parameters: [.context])
    records.append(Record(slot: 0, typeID: add(main)))
    let places = functions.map { ($0, program.labels[$0.name] ?? 0) }
    for (function, slot) in places.sorted(by: { $0.1 < $1.1 }) {
      records.append(Record(slot: slot, typeID: add(function)))
    }
    let typeByteCount = UInt32(words.count * 4)
    let header: [UInt32] = [
      0x0001_eb9f, 24, 0, typeByteCount, typeByteCount, UInt32(strings.count),
    ]
    bytes = (header + words).flatMap(Self.littleEndian) + strings
  }

  private enum Kind: UInt32 {
    case integer = 1
    case pointer = 2
    case structure = 4
    case function = 12
    case prototype = 13
    case tag = 17
  }

  private mutating func add(_ function: VerifierCase.Function) -> UInt32 {
    let result = add(function.result)
    let parameters = function.parameters.enumerated().flatMap { index, type in
      [string("parameter\(index)"), add(type)]
    }
    let prototype = add(
      .prototype, "", UInt32(function.parameters.count), result, parameters)
    let linkage: UInt32 = function.isGlobal ? 1 : 0
    let identifier = add(.function, function.name, linkage, prototype)
    for (index, type) in function.parameters.enumerated() {
      guard case .memory(_, isNonNull: true) = type else { continue }
      _ = add(.tag, "arg:nonnull", 0, identifier, [UInt32(index)])
    }
    return identifier
  }

  private mutating func add(_ type: VerifierCase.ValueType) -> UInt32 {
    switch type {
    case .void: return 0
    case .int: return addInteger("int", byteCount: 4, encoding: 1)
    case .unsigned(let byteCount):
      return addInteger("u\(byteCount * 8)", byteCount: byteCount, encoding: 0)
    case .context: return addPointer(toStructure: context, byteCount: 4)
    case .memory(let byteCount, _):
      return addPointer(toStructure: "memory\(byteCount)", byteCount: byteCount)
    }
  }

  private mutating func addInteger(_ name: String, byteCount: UInt32, encoding: UInt32) -> UInt32 {
    add(.integer, name, 0, byteCount, [encoding << 24 | byteCount * 8])
  }

  private mutating func addPointer(toStructure name: String, byteCount: UInt32) -> UInt32 {
    let member = addInteger("u8", byteCount: 1, encoding: 0)
    let structure = add(.structure, name, 1, byteCount, [string("first"), member, 0])
    return add(.pointer, "", 0, structure)
  }

  /// Appends a type: its name, its kind with a count or linkage, its size or type, and the rest.
  private mutating func add(
    _ kind: Kind, _ name: String, _ length: UInt32, _ sizeOrType: UInt32, _ rest: [UInt32] = []
  ) -> UInt32 {
    words += [name.isEmpty ? 0 : string(name), kind.rawValue << 24 | length, sizeOrType] + rest
    count += 1
    return count
  }

  private mutating func string(_ text: String) -> UInt32 {
    defer { strings += Array(text.utf8) + [0] }
    return UInt32(strings.count)
  }

  private static func littleEndian(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
  }
}
