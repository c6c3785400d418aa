import BPFObject
import Foundation
import Testing

/// The committed objects in `Tests/Fixtures/objects`.
enum ObjectFixtures {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/objects")

  /// Names of all objects, without the extension.
  static let names: [String] =
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?
    .filter { $0.hasSuffix(".o") }.map { String($0.dropLast(2)) }.sorted() ?? []

  static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appendingPathComponent("\(name).o")))
  }

  static func object(_ name: String) throws -> ObjectFile {
    try ObjectFile(bytes: bytes(name), name: name)
  }
}

/// The objects that Debian's packages install.
enum InstalledObjects {
  static let paths: [String] = {
    let manager = FileManager.default
    let libraries = (try? manager.contentsOfDirectory(atPath: "/usr/lib")) ?? []
    return libraries.sorted().flatMap { library in
      let folder = "/usr/lib/\(library)/bpf"
      let names = (try? manager.contentsOfDirectory(atPath: folder)) ?? []
      return names.filter { $0.hasSuffix(".o") }.sorted().map { "\(folder)/\($0)" }
    }
  }()

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }
}
