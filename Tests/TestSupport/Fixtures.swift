import Foundation

/// The data files of the tests, in `Tests/Fixtures`.
public enum Fixtures {
  /// The folder that holds all of them.
  public static let directory = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")
    .path(percentEncoded: false)

  /// The path of a file or folder below ``directory``.
  public static func path(_ relative: String) -> String {
    directory + "/" + relative
  }

  /// The content of a text file.
  public static func text(_ relative: String) throws -> String {
    try String(contentsOfFile: path(relative), encoding: .utf8)
  }

  /// The content of a file with an absolute path.
  public static func bytes(ofFile path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: path)))
  }

  /// The names of the files in a folder that end in `suffix`, in order.
  public static func files(in relative: String, endingIn suffix: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(relative))
      .filter { $0.hasSuffix(suffix) }.sorted()
  }
}
