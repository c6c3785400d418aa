import BPFKernel
import BPFObject
import Foundation
import TestSupport
import Testing

@Suite("Whole objects in the kernel", .requiresKernel)
struct KernelCollectionTests {
  static let packet = [UInt8](repeating: 0, count: 64)

  static func object(_ name: String) throws -> ObjectFile {
    let bytes = try #require(
      FileManager.default.contents(atPath: Fixtures.path("objects/\(name)")))
    return try ObjectFile(bytes: Array(bytes), name: name)
  }

  @Test("maps, global data and initial slots are in place, and the chain runs")
  func wiredChain() throws {
    let collection = try KernelCollection(Self.object("wired-chain.bpf.o"))
    #expect(collection.btfError == nil)
    #expect(collection.programNames == ["first", "last"])
    let first = try #require(collection.program(named: "first"))
    let last = try #require(collection.program(named: "last"))
    let chain = try #require(collection.map(named: "chain"))
    let runs = try #require(collection.map(named: ".bss"))
    let slot = KernelBytes.word(2)

    // R2.6, R2.9: the target returns to the caller of the subprogram that made the tail call.
    #expect(try first.testRun(data: Self.packet).returnValue == 41)
    #expect(KernelBytes.number(try runs.lookup(KernelBytes.word(0))) == 105)
    #expect(KernelBytes.number(try chain.lookup(slot)) == UInt64(try last.facts.identifier))
    #expect(try chain.elements().map(\.key) == [slot])

    try chain.delete(slot)
    #expect(try first.testRun(data: Self.packet).returnValue == 8)
    #expect(KernelBytes.number(try runs.lookup(KernelBytes.word(0))) == 110)
  }

  @Test("constants are frozen, other data is not")
  func frozenConstants() throws {
    let collection = try KernelCollection(Self.object("wired-chain.bpf.o"))
    let constants = try #require(collection.map(named: ".rodata"))
    let data = try #require(collection.map(named: ".data"))
    #expect(KernelBytes.number(try constants.lookup(KernelBytes.word(0))) == 2)
    #expect(throws: KernelErrno.notPermitted) {
      try constants.update(KernelBytes.word(0), KernelBytes.word(3))
    }
    let value = try data.lookup(KernelBytes.word(0))
    try data.update(KernelBytes.word(0), value)
  }

  @Test("R2.9: without types the subprogram's tail call is rejected, with name and log")
  func rejected() throws {
    let object = try Self.object("wired-chain.bpf.o")
    let error = #expect(throws: KernelError.self) {
      try KernelCollection(object, KernelCollection.Options(usesTypes: false))
    }
    #expect(error?.operation == "load program 'first'")
    #expect(error?.errno == .invalid)
    #expect(error?.log.contains("tail_call is not allowed in subprogs without BTF") == true)
  }

  @Test("a log is kept of programs that load, when asked for")
  func log() throws {
    let collection = try KernelCollection(
      Self.object("wired-chain.bpf.o"), KernelCollection.Options(logLevel: 1))
    #expect(collection.program(named: "last")?.verifierLog.contains("processed") == true)
  }
}
