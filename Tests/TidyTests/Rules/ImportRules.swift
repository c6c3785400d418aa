/// Imports only point downward: what each module may know, in one table.
enum ImportRules {
  /// A module that is missing here has not been placed in the architecture yet.
  static let allowed: [String: Set<String>] = [
    "CPlatform": [],
    "CPcap": [],
    "BPFInstructions": [],
    "BPFObject": ["BPFInstructions"],
    "BPFRuntime": ["BPFInstructions", "CPlatform"],
    "BPFVerifier": ["BPFInstructions", "BPFObject", "BPFRuntime"],
    "BPFKernel": ["BPFInstructions", "BPFObject", "CPlatform"],
    "X86Assembler": [],
    "BPFCompiler": ["BPFInstructions", "BPFRuntime", "X86Assembler", "CPlatform"],
    "BPFHooks": ["BPFInstructions", "BPFRuntime", "CPcap"],
    "Switchyard": [
      "BPFInstructions", "BPFObject", "BPFRuntime", "BPFVerifier", "BPFCompiler", "BPFHooks",
    ],
    "SwitchyardControl": [
      "BPFVerifier", "BPFCompiler", "Switchyard",
      "NIOCore", "NIOPosix", "NIOHTTP1",
    ],
    "SwitchyardCommands": [
      "SwitchyardControl",
      "BPFInstructions", "BPFObject", "BPFRuntime", "BPFKernel", "BPFHooks",
      "BPFVerifier", "BPFCompiler", "Switchyard",
      "ArgumentParser",
    ],
    "switchyard-cli": ["SwitchyardCommands"],
    "switchyard-conformance": ["SwitchyardCommands"],
  ]

  /// What comes with the toolchain and costs a program nothing to speak of.
  static let system: Set<String> = ["Darwin", "Glibc", "Musl", "Swift", "Synchronization"]

  /// The command line may use more, since argument parsing links it anyway.
  static let systemOfCommands = system.union(["FoundationEssentials"])

  struct Import: Equatable {
    var module: String
    var line: Int
  }

  static func imports(of file: TextFile) -> [Import] {
    guard file.isSwift, file.text.contains("import ") else { return [] }
    let kinds: Set<Substring> = [
      "struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor",
    ]
    return CodeOnly(file.text, language: .swift).lines.enumerated().compactMap { index, line in
      var words = line.words[...]
      guard let position = words.firstIndex(of: "import") else { return nil }
      words = words[(position + 1)...]
      if let kind = words.first, kinds.contains(kind) { words.removeFirst() }
      return words.first.map { Import(module: String($0), line: index + 1) }
    }
  }

  /// An import has to be placed in the table, and declared, since SwiftPM lets a module import
  /// what it never declared as long as something else builds it first.
  static func violations(_ file: TextFile, _ manifest: Manifest) -> [Violation] {
    guard let module = file.module else { return [] }
    guard let allowed = allowed[module] else {
      return [Violation(file.path, "module \(module) has no place in the table of imports")]
    }
    let declared = Set(manifest[module]?.dependencies ?? [])
    let usesFoundation = ["SwitchyardCommands", "SwitchyardControl"].contains(module)
    let system = usesFoundation ? systemOfCommands : system
    return imports(of: file).compactMap { found in
      if system.contains(found.module) || found.module == module { return nil }
      guard allowed.contains(found.module) else {
        return Violation(
          file.path, line: found.line, "\(module) must not import \(found.module): \(why(found))")
      }
      guard declared.contains(found.module) else {
        return Violation(
          file.path, line: found.line,
          "\(module) imports \(found.module) without declaring it in Package.swift")
      }
      return nil
    }
  }

  private static func why(_ found: Import) -> String {
    found.module.hasPrefix("Foundation")
      ? "embedders pay for it in size and start-up time" : "imports only point downward"
  }

  /// The manifest itself may only declare what the table allows, and the table only what exists.
  static func violations(_ manifest: Manifest) -> [Violation] {
    let path = "Package.swift"
    let undeclared = manifest.shipped.flatMap { target in
      guard let allowed = allowed[target.name] else {
        return [Violation(path, "\(target.name) has no place in the table of imports")]
      }
      return target.dependencies.filter { !allowed.contains($0) }.map {
        Violation(path, "\(target.name) must not depend on \($0): imports only point downward")
      }
    }
    let gone = allowed.keys.filter { manifest[$0] == nil }.sorted().map {
      Violation(path, "\($0) is in the table of imports but is no target")
    }
    return undeclared + gone
  }
}
