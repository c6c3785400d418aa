import ArgumentParser
import Switchyard

/// `ARRAY[INDEX]=PROGRAM`: puts a program into a slot before the run.
struct SlotAssignment: ExpressibleByArgument {
  var array: String
  var index: UInt32
  var program: String

  init?(argument: String) {
    guard let open = argument.firstIndex(of: "["),
      let close = argument[open...].firstIndex(of: "]")
    else { return nil }
    let rest = argument[argument.index(after: close)...]
    guard rest.first == "=", rest.count > 1, open > argument.startIndex,
      let index = UInt32(argument[argument.index(after: open)..<close])
    else { return nil }
    array = String(argument[..<open])
    self.index = index
    program = String(rest.dropFirst())
  }

  /// Does it.
  func apply(to collection: Collection, options: ObjectOptions) throws(CommandFailure) {
    let map: Collection.LoadedMap
    let target: Collection.LoadedProgram
    do throws(CollectionError) {
      map = try collection.map(array)
      target = try collection.program(program)
    } catch {
      throw options.failure(error)
    }
    do throws(LinuxError) {
      try map.handle.setProgram(target.program, at: index)
    } catch {
      throw CommandFailure(
        .usage, "--set-slot \(array)[\(index)]=\(program): \(reason(error, map))")
    }
  }

  private func reason(_ error: LinuxError, _ map: Collection.LoadedMap) -> String {
    let definition = map.handle.definition
    if definition.type != .programArray { return "\(array) is no array of programs" }
    switch error {
    case .tooBig: return "\(array) has \(definition.maxEntries) slots: \(error)"
    case .invalid: return "\(array) is for programs of another kind: \(error)"
    default: return "\(error)"
    }
  }
}
