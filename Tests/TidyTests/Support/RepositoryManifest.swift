import Testing

enum RepositoryManifest {
  static func read() throws -> Manifest {
    Manifest(try #require(Repository.text("Package.swift")).text)
  }
}
