import ArgumentParser
import Switchyard

/// Which object a command is about.
struct ObjectOptions: ParsableArguments {
  @Argument(help: "A compiled BPF object (ELF).")
  var object: String

  @Option(
    help: "Type of programs whose section says nothing: xdp, tc, socket, or as bpftool has it.")
  var type: String?

  /// Reads the object; nothing is created.
  func read() throws(CommandFailure) -> ObjectFile {
    let bytes: [UInt8]
    do throws(System.FileError) {
      bytes = try System.contents(of: object)
    } catch {
      throw CommandFailure(
        error.isPermission ? .noPermission : .unreadable,
        "cannot read the object \(object): \(error.message)", file: object)
    }
    do throws(ObjectFileError) {
      return try ObjectFile(bytes: bytes, name: name)
    } catch {
      throw CommandFailure(.cannotLink, "\(object): \(error)", file: object)
    }
  }

  /// The failure that stands for an error of the collection.
  func failure(_ error: CollectionError) -> CommandFailure {
    if error.rejection != nil {
      return CommandFailure(
        .rejected, "\(object): \(error); switchyard verify says what to do",
        file: error.line?.path ?? object, line: error.line?.line)
    }
    let status: ExitStatus =
      switch error.code {
      case .rejected: .rejected
      case .link, .map, .load, .slot: .cannotLink
      case .programType: .unavailable
      case .noSuchProgram, .noSuchMap: .usage
      }
    return CommandFailure(
      status, "\(object): \(error)", file: error.line?.path ?? object, line: error.line?.line)
  }

  /// The type that ``type`` names.
  func kind() throws(CommandFailure) -> ProgramKind? {
    guard let type else { return nil }
    let known: [ProgramKind] = [.socketFilter, .schedClassifier, .schedAction, .xdp]
    guard let kind = known.first(where: { $0.name == type }) ?? ProgramKind(sectionName: type)
    else {
      throw CommandFailure(.usage, "--type \(type) is no type of programs; try xdp, tc or socket")
    }
    return kind
  }

  /// The object's name, as libbpf derives it: the file's name up to the first dot.
  var name: String {
    let file = object.split(separator: "/").last ?? "object"
    return file.split(separator: ".", omittingEmptySubsequences: false).first.map(String.init)
      ?? "object"
  }
}

extension ObjectOptions {
  /// A program of a collection by its name.
  func program(
    _ name: String, of collection: Collection
  ) throws(CommandFailure) -> Collection.LoadedProgram {
    if type == nil, let spec = collection.object.program(named: name), spec.kind == nil {
      throw CommandFailure(
        .usage,
        "\(object): section \(spec.section) of program \(name) does not say which type it is;"
          + " give one with --type", file: object)
    }
    do throws(CollectionError) {
      return try collection.program(name)
    } catch {
      throw failure(error)
    }
  }
}

extension ObjectOptions {
  /// The program to start with: the one that was named, or the only one.
  func programName(_ name: String?, in object: ObjectFile) throws(CommandFailure) -> String {
    if let name { return name }
    let names = object.programs.map(\.name) + object.refused.map(\.name)
    switch names.count {
    case 0:
      throw CommandFailure(.cannotLink, "\(self.object): has no programs", file: self.object)
    case 1: return names[0]
    default:
      throw CommandFailure(
        .usage,
        "\(self.object): has \(names.count) programs, name one with --program: "
          + names.joined(separator: ", "), file: self.object)
    }
  }
}
