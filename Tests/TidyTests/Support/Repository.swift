import Foundation

/// The checkout that this test was compiled from.
enum Repository {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Paths of every tracked file, sorted. Without git, as in an unpacked archive, every file
  /// outside hidden and build folders.
  static let paths: [String] = (trackedPaths() ?? walkedPaths()).sorted()

  /// Every tracked file whose bytes are UTF-8 without a zero byte.
  static let textFiles: [TextFile] = paths.compactMap { path in
    guard let data = bytes(of: path), !data.contains(0),
      let text = String(data: data, encoding: .utf8)
    else { return nil }
    return TextFile(path, text)
  }

  static func text(_ path: String) -> TextFile? {
    textFiles.first { $0.path == path }
  }

  static func bytes(of path: String) -> Data? {
    try? Data(contentsOf: root.appending(path: path))
  }

  /// Whether a file or folder is there, tracked or not.
  static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appending(path: path).path)
  }

  private static func trackedPaths() -> [String]? {
    guard
      let output = try? Command.run(
        ["git", "-c", "safe.directory=*", "-C", root.path, "ls-files", "-z"]),
      output.status == 0
    else { return nil }
    // A file that is deleted but not yet committed as such is still listed.
    let paths = output.text.split(separator: "\0").map(String.init).filter(exists)
    return paths.isEmpty ? nil : paths
  }

  static func walkedPaths() -> [String] {
    let enumerator = FileManager.default.enumerator(atPath: root.path)
    var paths: [String] = []
    while let path = enumerator?.nextObject() as? String {
      let hidden = path.split(separator: "/").contains { $0.hasPrefix(".build") || $0 == ".git" }
      let isFile = enumerator?.fileAttributes?[.type] as? FileAttributeType == .typeRegular
      if isFile, !hidden, path != "Package.resolved" { paths.append(path) }
    }
    return paths
  }
}
