import BPFKernel
import Switchyard

/// Runs packets in Linux with BPF_PROG_TEST_RUN.
final class KernelEngine: PacketEngine {
  private let object: ObjectFile
  private let options: ObjectOptions
  private let collection: KernelCollection
  private let program: KernelProgram
  private var last: KernelProgram.TestRun?
  private(set) var elapsed = Duration.zero

  let type: ProgramType
  let name = "kernel"
  let summary = "the kernel of this machine"
  var tailCalls: [TailCallRecord] { [] }
  var redirect: RedirectTarget? { nil }
  var clones: [[UInt8]] { [] }
  var dataOut: [UInt8] { last?.data ?? [] }
  var frame: [UInt8] { last?.data ?? [] }

  /// Loads the object into Linux.
  init(
    _ object: ObjectFile, program name: String, _ options: ObjectOptions
  ) throws(CommandFailure) {
    self.object = object
    self.options = options
    let kind = try options.kind()
    do throws(KernelError) {
      collection = try KernelCollection(object, KernelCollection.Options(defaultKind: kind))
    } catch {
      let status: ExitStatus = error.errno == .notPermitted ? .noPermission : .cannotLink
      // The last line is a count of what was looked at.
      let log =
        error.log.split(separator: "\n").last { !$0.hasPrefix("processed ") }.map { ": \($0)" }
        ?? ""
      throw CommandFailure(
        status, "\(options.object): Linux refuses to \(error.operation): \(error.errno)\(log)",
        file: options.object)
    }
    guard let program = collection.program(named: name) else {
      throw CommandFailure(
        .usage,
        "\(options.object): Linux has no program \(name); the object has "
          + collection.programNames.joined(separator: ", "))
    }
    self.program = program
    let number = object.program(named: name)?.kind?.type ?? kind?.type ?? 0
    guard let type = ProgramType.linux(number: number) else {
      throw CommandFailure(
        .unavailable, "program \(name) is of a type that takes no packets")
    }
    self.type = type
  }

  /// Puts programs into slots.
  func assign(_ slots: [SlotAssignment]) throws(CommandFailure) {
    for slot in slots {
      guard let map = collection.map(named: slot.array),
        let target = collection.program(named: slot.program)
      else {
        throw CommandFailure(
          .usage, "--set-slot: there is no array \(slot.array) or no program \(slot.program)")
      }
      do throws(KernelErrno) {
        try map.update(littleEndian(slot.index), target.slotValue)
      } catch {
        throw CommandFailure(.usage, "--set-slot \(slot.array)[\(slot.index)]: \(error)")
      }
    }
  }

  func run(_ packet: RawSpan) throws(CommandFailure) -> UInt32? {
    do throws(KernelErrno) {
      let bytes = [UInt8](copying: packet)
      let result =
        type.context.hasPacket
        ? try program.testRun(data: bytes) : try program.testRun(context: bytes)
      last = result
      elapsed += .nanoseconds(Int64(result.durationNanoseconds))
      return result.returnValue
    } catch .invalid, .tooBig {
      // Socket buffers whose IP header is cut short, and frames that do not fit a page.
      return nil
    } catch {
      throw CommandFailure(.unavailable, "Linux refuses to run the packet: \(error)")
    }
  }

  func mapContents() throws(CommandFailure) -> [MapContents] {
    let names = programNames
    return zip(object.maps, collection.maps).map { spec, map in
      let type = MapType(rawValue: spec.type)
      let size = Int(spec.valueSize)
      let elements = (try? map.elements()) ?? []
      let entries = elements.map { key, value in
        let values = type.isPerCPU ? split(value, size: size, stride: (size + 7) & ~7) : [value]
        return MapContents.Entry(
          key: key, values: values, program: type == .programArray ? names[value] : nil)
      }
      return MapContents(
        name: spec.displayName, type: type, isPerCPU: type.isPerCPU, entries: entries)
    }
  }

  /// Names by number, in the form of a slot's value.
  private var programNames: [[UInt8]: String] {
    var names: [[UInt8]: String] = [:]
    for name in collection.programNames {
      guard let facts = try? collection.program(named: name)?.facts else { continue }
      names[littleEndian(facts.identifier)] = name
    }
    return names
  }
}
