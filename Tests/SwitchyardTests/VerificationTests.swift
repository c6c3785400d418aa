import Switchyard
import TestSupport
import Testing

/// No program runs unchecked: what is loaded was verified, or every access is tested.
@Suite("Verification at load")
struct VerificationTests {
  private static let hasCompiler = ProgramCompiler.x86() != nil

  private func object(_ name: String) throws -> ObjectFile {
    let bytes = try Fixtures.bytes(ofFile: Fixtures.path("objects/\(name).o"))
    return try ObjectFile(bytes: bytes, name: name)
  }

  private func source(_ text: String, _ type: ProgramType = .xdp) throws -> ProgramSource {
    ProgramSource(
      name: "made", type: type, instructions: try Assembler().assemble(text).instructions)
  }

  @Test("Every program is verified, and compiled where there is a compiler")
  func preferred() throws {
    let collection = try Collection(loading: object("steps.bpf"), into: Runtime())
    #expect(!collection.programs.isEmpty)
    for program in collection.programs {
      #expect(program.program.isVerified)
      #expect(program.rejection == nil)
      #expect(program.program.engine == (Self.hasCompiler ? .compiled : .interpreter))
    }
  }

  @Test("Without a compiler programs are verified all the same, and interpreted")
  func withoutCompiler() throws {
    let collection = try Collection(
      loading: object("steps.bpf"), into: Runtime(compiler: nil))
    #expect(!collection.programs.isEmpty)
    #expect(collection.programs.allSatisfy { $0.program.isVerified })
    #expect(collection.programs.allSatisfy { $0.program.engine == .interpreter })
    let forced = try Collection(
      loading: object("verdicts.bpf"), into: Runtime(compiler: nil),
      options: Switchyard.Collection.Options(engine: .compiled))
    #expect(forced.programs.isEmpty)
    #expect(forced.refused["good"]?.reason == "\(LoadError.noCompiler)")
  }

  @Test("A rejected program does not stop the others, and the error says all that is known")
  func rejected() throws {
    let collection = try Collection(loading: object("verdicts.bpf"), into: Runtime())
    #expect(collection.programs.map(\.spec.name) == ["good"])
    let error = try #require(collection.refused["bad"])
    #expect(error.code == .rejected)
    #expect(error.line?.line == 20)
    let rejection = try #require(error.rejection)
    #expect(rejection.message.contains("invalid access to packet"))
    #expect(rejection.errno == 13)
    #expect(!rejection.why.isEmpty)
    #expect(!rejection.hint.isEmpty)
    #expect("\(error)".hasPrefix("the verifier rejected bad: instruction "))
    #expect(throws: error) { try collection.program("bad") }
  }

  @Test("A slot that needs a rejected program stops the collection, with the same error")
  func rejectedSlot() throws {
    let error = #expect(throws: CollectionError.self) {
      try Collection(loading: object("verdicts-slot.bpf"), into: Runtime())
    }
    #expect(error?.code == .slot)
    #expect(error?.rejection?.message.contains("invalid access to packet") == true)
  }

  @Test("Rejected programs can be interpreted, with every access tested")
  func interpreted() throws {
    let collection = try Collection(
      loading: object("verdicts.bpf"), into: Runtime(),
      options: Switchyard.Collection.Options(rejectedPrograms: .interpreted))
    let bad = try collection.program("bad")
    #expect(bad.rejection != nil)
    #expect(!bad.program.isVerified)
    #expect(collection.programs.allSatisfy { $0.program.engine == .interpreter })
    let packet = try PacketContext(type: .xdp)
    try packet.load([UInt8](repeating: 0, count: 14))
    let fault = #expect(throws: Fault.self) {
      try collection.runtime.makeCPU().run(bad.program, in: packet)
    }
    #expect(fault?.program == "bad")
    // The compiler never gets them.
    if Self.hasCompiler {
      let compiled = try Collection(
        loading: object("verdicts.bpf"), into: Runtime(),
        options: Switchyard.Collection.Options(
          engine: .compiled, rejectedPrograms: .interpreted))
      #expect(compiled.refused["bad"]?.code == .rejected)
    }
  }

  @Test("The rules for people without privileges apply where they are asked for")
  func strict() throws {
    // Returns an address.
    let leak = try source("r0 = r10\nexit", .socketFilter)
    let runtime = Runtime()
    _ = try runtime.load(verifying: leak)
    let error = #expect(throws: CollectionError.self) {
      try runtime.load(verifying: leak, options: VerifierOptions(isStrict: true))
    }
    #expect(error?.rejection?.message.contains("leaks addr") == true)
  }

  @Test("An embedder's own types and maps take the same path")
  func ownTypes() throws {
    let type = ProgramType(
      number: 0x1_0002, name: "counter",
      context: ContextLayout(
        byteCount: 8, fields: [ContextField("number", at: 0)]),
      helpers: Helper.base)
    let runtime = Runtime()
    let counts = try runtime.makeMap(
      MapDefinition(name: "counts", type: .array, keySize: 4, valueSize: 8, maxEntries: 2))
    func load(_ offset: Int) throws -> Program {
      let assembled = try Assembler().assemble(
        """
        r6 = *(u32 *)(r1 +0)
        *(u32 *)(r10 -4) = r6
        r2 = r10
        r2 += -4
        r1 = map[counts]
        call 1
        if r0 == 0 goto out
        *(u64 *)(r0 +\(offset)) = 7
        out: r0 = 0
        exit
        """)
      return try runtime.load(
        verifying: ProgramSource(
          name: "count", type: type, instructions: assembled.instructions,
          maps: assembled.references.mapValues { _ in .init(counts) }))
    }
    let context = try Context(layout: type.context)
    context[word: 0] = 1
    _ = try runtime.makeCPU().run(load(0), in: context)
    #expect(try counts.lookup([1, 0, 0, 0]) == [7, 0, 0, 0, 0, 0, 0, 0])
    let error = #expect(throws: CollectionError.self) { try load(8) }
    #expect(error?.rejection?.message.contains("invalid access to map value") == true)
  }
}
