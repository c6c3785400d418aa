public import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The folder of real captures that is not part of the package.
public enum SharedCaptures {
  /// Where the captures are: `SWITCHYARD_CAPTURES`, or else `../shared/captures` beside the
  /// package; `nil` when the folder is not there.
  public static let folder: String? = {
    let path = environment("SWITCHYARD_CAPTURES") ?? "\(packageRoot)/../shared/captures"
    return names(in: path) == nil ? nil : path
  }()

  /// The paths of all captures, in order of their names; empty when the folder is not there.
  public static let paths: [String] =
    folder.map { folder in
      (names(in: folder) ?? []).sorted().map { "\(folder)/\($0)" }
    } ?? []

  /// The root of the package, from the place of this file.
  public static let packageRoot = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/")

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// The visible files of a folder; `nil` when it cannot be read.
  private static func names(in path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }
}

extension Trait where Self == ConditionTrait {
  /// Runs a test only where the shared captures are, and prints how to name them where not.
  public static var requiresSharedCaptures: Self {
    .enabled(
      if: SharedCaptures.folder != nil,
      "needs the shared captures: set SWITCHYARD_CAPTURES to their folder")
  }
}
