/// How a command ends: the exit statuses of the command line, which scripts rely on.
enum ExitStatus: Int32 {
  case success = 0
  /// What was asked for is not so: a check failed, there is no such element, or a map refuses.
  case failed = 1
  /// The verifier rejected a program.
  case rejected = 2
  /// The object cannot be linked: ELF, types, relocations, maps, slots.
  case cannotLink = 3
  /// A program did what it must not.
  case fault = 4
  /// A tail call missed, and `--strict-tail` was given.
  case tailCallMissed = 5
  /// The arguments make no sense.
  case usage = 64
  /// A file cannot be read.
  case unreadable = 66
  /// The system, or this version, does not have it.
  case unavailable = 69
  /// A file cannot be written.
  case cannotWrite = 73
  /// Not without more rights.
  case noPermission = 77
}

/// Why a command stopped, in one line.
struct CommandFailure: Error {
  /// The exit status.
  var status: ExitStatus
  /// What was wrong, where, and what to do.
  var message: String
  /// The file that it is about, a source file if possible.
  var file: String?
  /// The line in ``file``, from 1.
  var line: Int?

  /// Whether the command's own document already says it.
  var isReported = false

  init(_ status: ExitStatus, _ message: String, file: String? = nil, line: Int? = nil) {
    self.status = status
    self.message = message
    self.file = file
    self.line = line
  }

  /// A failure that the command has told of already.
  init(reported status: ExitStatus) {
    self.init(status, "")
    isReported = true
  }

  /// The document that stands for the error with `-j`.
  var document: JSON {
    .object([
      ("schema", .string("switchyard.error/1")),
      (
        "error",
        .object([
          ("code", .integer(Int(status.rawValue))), ("message", .string(message)),
          ("file", JSON(file)), ("line", JSON(line)),
        ])
      ),
    ])
  }
}
