/// Why a request was refused.
public struct ControlError: Error, Hashable, Sendable {
  /// What kind of refusal it is.
  public enum Code: Hashable, Sendable {
    /// The request makes no sense.
    case usage
    /// There is no such program, map, pin or generation.
    case notFound
    /// There is no such element.
    case noElement
    /// The map does not take the element.
    case refusedByMap
    /// The chain, or a pin, is not what the request was made for.
    case conflict
    /// The object cannot be linked, or the program does not go into the array.
    case cannotLink
    /// The verifier rejected a program.
    case rejected
    /// The file or the socket cannot be read or written.
    case unreadable
    /// The server cannot do it.
    case unavailable
    /// Not without more rights.
    case noPermission
  }

  /// What kind of refusal it is.
  public var code: Code
  /// One line: what was wrong, and what to do.
  public var message: String
  /// The file that it is about.
  public var file: String?
  /// The line in it.
  public var line: Int?

  /// Makes an error.
  public init(_ code: Code, _ message: String, file: String? = nil, line: Int? = nil) {
    self.code = code
    self.message = message
    self.file = file
    self.line = line
  }

  /// The exit status that a command ends with.
  public var exitStatus: Int32 {
    switch code {
    case .usage, .notFound: 64
    case .conflict, .noElement, .refusedByMap: 1
    case .cannotLink: 3
    case .rejected: 2
    case .unreadable: 66
    case .unavailable: 69
    case .noPermission: 77
    }
  }

  /// The status of the answer over HTTP.
  var httpStatus: Int {
    switch code {
    case .usage: 400
    case .notFound, .noElement: 404
    case .conflict: 409
    case .cannotLink, .rejected, .refusedByMap: 422
    case .noPermission: 403
    case .unreadable, .unavailable: 503
    }
  }

  /// The answer's body.
  var document: ErrorDocument {
    ErrorDocument(error: .init(code: exitStatus, message: message, file: file, line: line))
  }

  init(_ document: ErrorDocument, httpStatus: Int) {
    code =
      switch (httpStatus, document.error.code) {
      case (404, 1): .noElement
      case (404, _): .notFound
      case (409, _): .conflict
      case (_, 1): .refusedByMap
      case (_, 2): .rejected
      case (_, 3): .cannotLink
      case (_, 66): .unreadable
      case (_, 69): .unavailable
      case (_, 77): .noPermission
      default: .usage
      }
    message = document.error.message
    file = document.error.file
    line = document.error.line
  }
}
