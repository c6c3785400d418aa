/// Why an object, or one program of it, cannot be used, and where in the file the reason is.
public struct ObjectFileError: Error, Hashable, Sendable {
  /// What kind of thing went wrong; for callers that decide on it.
  public var code: Code
  /// What is wrong, in words, without the place.
  public var message: String
  /// Where in the file, in bytes from its start.
  public var offset: Int?
  /// The section it is about.
  public var section: String?
  /// The function, map or variable it is about.
  public var symbol: String?

  /// Makes an error from its parts.
  public init(
    _ code: Code, _ message: String, offset: Int? = nil, section: String? = nil,
    symbol: String? = nil
  ) {
    self.code = code
    self.message = message
    self.offset = offset
    self.section = section
    self.symbol = symbol
  }

  /// The same error with the places filled in that it did not know itself.
  func located(section: String?, symbol: String? = nil, offset: Int? = nil) -> ObjectFileError {
    var error = self
    error.section = self.section ?? section
    error.symbol = self.symbol ?? symbol
    error.offset = self.offset ?? offset
    return error
  }
}

extension ObjectFileError {
  /// Kinds of error; more may be added.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Value: String {
      case notELF, unsupportedFormat, bigEndian, wrongMachine, truncated, malformed, tooLarge
      case types, map, relocation, coreRelocation, unresolvedExtern, tailSlot
    }
    private let value: Value

    private init(_ value: Value) { self.value = value }

    /// Not an ELF file at all.
    public static let notELF = Code(.notELF)
    /// An ELF file of a kind that holds no BPF programs: 32-bit, linked, with addends.
    public static let unsupportedFormat = Code(.unsupportedFormat)
    /// A big-endian object; only little-endian ones can be run.
    public static let bigEndian = Code(.bigEndian)
    /// An object for another processor.
    public static let wrongMachine = Code(.wrongMachine)
    /// Something points past the end of the file or of its section.
    public static let truncated = Code(.truncated)
    /// A field has a value that it cannot have.
    public static let malformed = Code(.malformed)
    /// The object asks for more memory or code than any real one does.
    public static let tooLarge = Code(.tooLarge)
    /// The type information (`.BTF`, `.BTF.ext`) is malformed.
    public static let types = Code(.types)
    /// A map's definition makes no sense.
    public static let map = Code(.map)
    /// A relocation cannot be applied.
    public static let relocation = Code(.relocation)
    /// The program depends on the running kernel's types (CO-RE).
    public static let coreRelocation = Code(.coreRelocation)
    /// The program uses a kernel symbol, kernel function or configuration value.
    public static let unresolvedExtern = Code(.unresolvedExtern)
    /// A program asks for a slot that it cannot have.
    public static let tailSlot = Code(.tailSlot)

    /// The code's name.
    public var description: String { value.rawValue }
  }
}

extension ObjectFileError: CustomStringConvertible {
  /// One line: what, and where.
  public var description: String {
    var places: [String] = []
    if let symbol { places.append("symbol \(symbol)") }
    if let section { places.append("section \(section)") }
    if let offset { places.append("file offset 0x\(String(offset, radix: 16))") }
    return places.isEmpty ? message : "\(message) (\(places.joined(separator: ", ")))"
  }
}
