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

  @Test("slots are filled from initial values; R4.18: they empty with the last handle")
  func slots() throws {
    let runtime: Runtime
    let programs: [UInt32]
    do {
      let collection = try load("wired-chain.bpf")
      runtime = collection.runtime
      programs = collection.maps.flatMap { $0.handle.programs.map(\.program.id) }
      #expect(!programs.isEmpty)
      #expect(programs.allSatisfy { runtime.program(id: $0) != nil })
    }
    #expect(programs.allSatisfy { runtime.program(id: $0) == nil })
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
    #expect(!with.refused.values.contains { "\($0)".contains("does not say") })
    #expect(with.programs.count > without.programs.count)
  }

  @Test("programs of types that cannot run here yet say so")
  func otherTypes() throws {
    let collection = try load("unknown_sections", .init(defaultKind: ProgramKind(type: 20)))
    #expect(collection.refused.values.contains { "\($0)".contains("lirc_mode2") })
  }
}
