/// What is wrong with assembly text, and where.
public struct AssemblyError: Error, Hashable, Sendable {
  /// Line, from 1.
  public var line: Int
  /// Column in bytes, from 1.
  public var column: Int
  /// What is wrong there.
  public var reason: Reason

  /// What can be wrong with assembly text.
  public enum Reason: Hashable, Sendable {
    /// Something else stands here.
    case expected(String)
    /// Well-formed, but BPF has no such instruction: `r1 = be48 r1`.
    case noSuchInstruction
    /// The number does not fit the field, which has this many bits.
    case numberTooLarge(bits: Int)
    /// A label is there twice.
    case duplicateLabel(String)
    /// No label has this name.
    case undefinedLabel(String)
    /// Neither a label nor a helper has this name.
    case unknownFunction(String)
    /// The assembler's ``Assembler/mapDescriptor`` does not know this map.
    case unknownMap(String)
    /// The label is further away than the jump's offset can say.
    case labelTooFar(String)
  }

  /// Puts a reason at a place.
  public init(line: Int, column: Int, reason: Reason) {
    self.line = line
    self.column = column
    self.reason = reason
  }
}

extension AssemblyError: CustomStringConvertible {
  /// One line that names the place and the reason.
  public var description: String { "line \(line), column \(column): \(reason)" }
}

extension AssemblyError.Reason: CustomStringConvertible {
  /// What is wrong, in words.
  public var description: String {
    switch self {
    case .expected(let what): "expected \(what)"
    case .noSuchInstruction: "there is no such instruction"
    case .numberTooLarge(let bits): "the number does not fit in \(bits) bits"
    case .duplicateLabel(let name): "the label '\(name)' is there twice"
    case .undefinedLabel(let name): "there is no label '\(name)'"
    case .unknownFunction(let name): "there is no label or helper '\(name)'"
    case .unknownMap(let name): "there is no map '\(name)'"
    case .labelTooFar(let name): "the label '\(name)' is too far away; use gotol"
    }
  }
}
