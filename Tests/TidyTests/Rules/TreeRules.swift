/// What may be tracked, and what has to be tracked together.
enum TreeRules {
  static let maximumBytes = 1_000_000
  static let objectFolders = ["Examples/", "Tests/Fixtures/objects/"]
  static let ignored = [".build/", "Package.resolved"]

  static func size(_ path: String, byteCount: Int) -> [Violation] {
    guard byteCount > maximumBytes else { return [] }
    return [Violation(path, "\(byteCount) bytes; \(maximumBytes) are the limit of a tracked file")]
  }

  static func spaces(_ paths: [String]) -> [Violation] {
    paths.filter { $0.contains(" ") }.map { Violation($0, "a space in the path") }
  }

  static func ignoreFile(_ file: TextFile) -> [Violation] {
    let lines = Set(file.lines.map(\.trimmed))
    return ignored.filter { !lines.contains($0) }.map {
      Violation(file.path, "`\($0)` is not ignored")
    }
  }

  /// A source has its object beside it and an object its source, so that a checkout without a
  /// BPF compiler can run everything and anyone can rebuild it.
  static func objects(_ paths: [String]) -> [Violation] {
    let inside = paths.filter { path in objectFolders.contains { path.hasPrefix($0) } }
    let objects = inside.filter { $0.hasSuffix(".o") }
    let tracked = Set(inside)
    let sources = inside.filter { $0.hasSuffix(".bpf.c") }
    let withoutObject = sources.filter { source in
      let stem = source.dropLast(".bpf.c".count)
      return !tracked.contains("\(stem).o") && !tracked.contains("\(stem).bpf.o")
    }
    let withoutSource = objects.filter { object in
      let stem = object.hasSuffix(".bpf.o") ? object.dropLast(6) : object.dropLast(2)
      return ![".bpf.c", ".bpf.s", ".c", ".s"].contains { tracked.contains("\(stem)\($0)") }
    }
    return withoutObject.map { Violation($0, "no object beside it; run `make objects`") }
      + withoutSource.map { Violation($0, "no source beside it") }
  }

  /// A placeholder keeps an empty target buildable and goes when the first real file comes.
  static func placeholders(_ paths: [String]) -> [Violation] {
    let name = "Placeholder.swift"
    return paths.filter { $0.hasSuffix("/" + name) }.compactMap { path in
      let folder = path.dropLast(name.count)
      let others = paths.filter { $0.hasPrefix(folder) && $0.hasSuffix(".swift") && $0 != path }
      guard let other = others.first else { return nil }
      return Violation(path, "no longer needed beside \(other)")
    }
  }
}
