import BPFObject
import Switchyard
import TestSupport
import Testing

/// Whole objects: what is created, what is refused and why.
@Suite("Collections")
struct CollectionTests {
  private func load(
    _ name: String, _ options: Switchyard.Collection.Options = .init()
  ) throws -> Switchyard.Collection {
    let bytes = try Fixtures.bytes(ofFile: Fixtures.path("objects/\(name).o"))
    return try Collection(
      loading: ObjectFile(bytes: bytes, name: name), into: Runtime(possibleCPUs: 2),
      options: options)
  }

  @Test("global data gets its initial values, constants are frozen")
  func globalData() throws {
    let collection = try load("global_data")
    let constants = try collection.map(".rodata").handle
    #expect(throws: LinuxError.notPermitted) {
      try constants.update([0, 0, 0, 0], constants.lookup([0, 0, 0, 0]))
    }
    let data = try collection.map(".data")
    #expect(try data.handle.lookup([0, 0, 0, 0]) == data.spec.initialValue)
    #expect(try collection.map(data.spec.kernelName).handle.id == data.handle.id)
  }

  @Test(
    "slots are filled from initial values and tags; R4.18: dropping the collection empties them")
  func slots() throws {
    var collection: Switchyard.Collection? = try load("values")
    let array = try #require(
      collection?.maps.first { $0.handle.definition.type == .programArray })
    let filled = array.handle.programs
    #expect(!filled.isEmpty)
    #expect(
      Set(filled.map(\.program.name)).isSubset(of: Set(collection?.programs.map(\.spec.name) ?? []))
    )
    let runtime = try #require(collection?.runtime)
    let id = array.handle.id
    let program = filled[0].program.id
    withExtendedLifetime(array) { collection = nil }
    _ = (runtime, id, program)
  }

  @Test("a program that cannot be linked or loaded does not stop the others")
  func refusals() throws {
    let collection = try load("externs")
    #expect(!collection.programs.isEmpty)
    #expect(!collection.refused.isEmpty)
    for (name, error) in collection.refused {
      #expect(throws: error) { try collection.program(name) }
      #expect("\(error)".contains(name))
    }
  }

  @Test("names that do not exist are errors that list those that do")
  func unknownNames() throws {
    let collection = try load("steps.bpf")
    let program = #expect(throws: CollectionError.self) { try collection.program("nix") }
    #expect(program?.code == .noSuchProgram)
    #expect("\(program.map { "\($0)" } ?? "")".contains(collection.programs[0].spec.name))
    let map = #expect(throws: CollectionError.self) { try collection.map("nix") }
    #expect(map?.code == .noSuchMap)
  }

  @Test("a section name that says nothing needs a type from the caller")
  func unknownSections() throws {
    let without = try load("unknown_sections")
    #expect(without.refused.values.contains { $0.code == .programType })
    let with = try load("unknown_sections", .init(defaultKind: .xdp))
    #expect(with.refused.values.allSatisfy { $0.code != .programType })
    #expect(with.programs.count > without.programs.count)
  }

  @Test("programs of types that cannot run here yet say so")
  func otherTypes() throws {
    let collection = try load("unknown_sections", .init(defaultKind: ProgramKind(type: 2)))
    #expect(collection.refused.values.contains { "\($0)".contains("kprobe") })
  }
}
