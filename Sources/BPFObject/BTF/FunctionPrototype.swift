/// What a function's type says about arguments and result, as far as verification needs it.
public struct FunctionPrototype: Hashable, Sendable {
  /// The parameters in order.
  public var parameters: [Value]
  /// The result.
  public var result: Value

  /// A parameter or a result.
  public enum Value: Hashable, Sendable {
    /// Nothing.
    case void
    /// A number of at most eight bytes: an integer or an enumeration.
    case number(byteCount: UInt32)
    /// The address of something of a known size; 0 if the size is not known. Without the tag
    /// `arg:nonnull` it may be null.
    case pointer(structure: String, byteCount: UInt32, isNonNull: Bool)
    /// Something else: a structure by value, say.
    case other
  }

  /// Describes a function.
  public init(parameters: [Value], result: Value) {
    self.parameters = parameters
    self.result = result
  }
}

extension ObjectFile {
  /// The type of a function; `nil` if the object does not say.
  public func prototype(of function: FunctionSpec) -> FunctionPrototype? {
    guard let types, let id = function.btfTypeID else { return nil }
    return try? types.prototype(of: id)
  }
}

extension BTF {
  fileprivate func prototype(of id: ID) throws(ObjectFileError) -> FunctionPrototype? {
    let function = try type(id)
    guard function.kind == .function else { return nil }
    let prototype = try type(function.sizeOrType)
    guard prototype.kind == .functionPrototype else { return nil }
    var parameters: [FunctionPrototype.Value] = []
    for index in 0..<prototype.count {
      var parameter = try value(prototype.details.u32(at: index * 8 + 4))
      if case .pointer(let structure, let byteCount, _) = parameter,
        try isTagged("arg:nonnull", function: id, parameter: index)
      {
        parameter = .pointer(structure: structure, byteCount: byteCount, isNonNull: true)
      }
      parameters.append(parameter)
    }
    return FunctionPrototype(parameters: parameters, result: try value(prototype.sizeOrType))
  }

  private func isTagged(
    _ tag: String, function: ID, parameter: Int
  ) throws(ObjectFileError) -> Bool {
    for type in types where type.kind == .declarationTag && type.sizeOrType == function {
      if try type.details.u32(at: 0) == parameter, try string(type.nameOffset) == tag {
        return true
      }
    }
    return false
  }

  private func value(_ id: ID) throws(ObjectFileError) -> FunctionPrototype.Value {
    if id == 0 { return .void }
    let (_, type) = try resolved(id)
    switch type.kind {
    case .void: return .void
    case .integer, .enumeration, .enumeration64:
      return type.sizeOrType <= 8 ? .number(byteCount: type.sizeOrType) : .other
    case .pointer:
      guard type.sizeOrType != 0 else {
        return .pointer(structure: "", byteCount: 0, isNonNull: false)
      }
      let target = try resolved(type.sizeOrType)
      let name = target.type.kind == .structure ? try string(target.type.nameOffset) : ""
      let size = (try? size(of: target.id)) ?? 0
      return .pointer(structure: name, byteCount: size, isNonNull: false)
    default: return .other
    }
  }
}
