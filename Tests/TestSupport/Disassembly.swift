import Foundation

/// The disassembler of GNU binutils, which knows nothing of our encoder.
public enum Disassembly {
  /// Whether it is installed.
  public static let isAvailable = path != nil

  private static let path = ["/usr/bin/objdump", "/usr/local/bin/objdump"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }

  /// One text per instruction, single spaces, in Intel's syntax.
  public static func texts(of code: [UInt8]) throws -> [String] {
    let folder = FileManager.default.temporaryDirectory
    let file = folder.appending(path: "switchyard-\(UUID().uuidString).bin")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(code).write(to: file)
    let process = Process()
    process.executableURL = URL(filePath: path ?? "/usr/bin/objdump")
    process.arguments = [
      "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "-w", "--no-show-raw-insn",
      file.path,
    ]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let text = String(decoding: bytes, as: UTF8.self)
    return text.split(separator: "\n").compactMap { line -> String? in
      let parts = line.split(separator: "\t", maxSplits: 1)
      guard parts.count == 2, parts[0].hasSuffix(":") else { return nil }
      return parts[1].split(separator: " ").joined(separator: " ")
    }
  }
}
