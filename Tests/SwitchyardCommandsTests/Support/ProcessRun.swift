import Foundation

/// A program of the package, run as a process.
struct ProcessRun {
  let status: Int32
  let output: String
  let errors: String

  /// Where SwiftPM has built a program: beside the running test.
  static func path(_ name: String) -> String? {
    let test = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let path = test.deletingLastPathComponent().appending(path: name).path
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
  }

  /// Runs a line of shell, with the program's path in `$0` and the arguments behind it.
  init(shell: String, program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", shell, program] + arguments
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    // What these tests write to standard error fits a pipe.
    let data = output.fileHandleForReading.readDataToEndOfFile()
    let errorData = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    status = process.terminationStatus
    self.output = String(decoding: data, as: UTF8.self)
    self.errors = String(decoding: errorData, as: UTF8.self)
  }
}
