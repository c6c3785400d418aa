package import CPlatform

/// A compiler that a runtime can be given: `Runtime(compiler: .x86())`.
///
/// The runtime knows compilers only by this: how to get the code of a program, and how to enter
/// it. So the module that owns a compiler depends on the runtime, and not the other way round.
public struct ProgramCompiler: Sendable {
  /// Enters a program's code: r1, r2, its entry, and the CPU's words. Returns r0, and the hops that
  /// were made, from which those that are left in memory (``CompiledServices/hopsLeftOffset``) have
  /// to be subtracted.
  package typealias EnterFunction =
    @convention(c) (UInt64, UInt64, UInt64, UInt64) -> switchyard_run_end

  /// Enters a program's code for several contexts, one after the other: its entry, the CPU's words,
  /// the first ``BatchItem``, and the address behind the last. Returns the address of the item that
  /// it did not finish because of a fault, or the one behind the last.
  package typealias EnterBatchFunction =
    @convention(c) (UInt64, UInt64, UInt64, UInt64) -> UInt64

  /// How code is entered.
  package struct Entrance: Sendable {
    package let enter: EnterFunction
    package let enterBatch: EnterBatchFunction

    package init(enter: @escaping EnterFunction, enterBatch: @escaping EnterBatchFunction) {
      self.enter = enter
      self.enterBatch = enterBatch
    }
  }

  /// Calls a subprogram of the code that is running, for a helper: its address, the CPU's words and
  /// r1 to r4; the frame pointer is in ``CompiledServices/callerFrameOffset``. Returns r0.
  package typealias CallBackFunction =
    @convention(c) (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) -> UInt64

  /// Makes the code of a program.
  package let compile: @Sendable (CompilationUnit) throws(LoadError) -> any CompiledCode
  /// Enters any code that ``compile`` made.
  package let entrance: Entrance
  /// The same for code of which it is proved that it reads no register before it has written it,
  /// but r1, r2 and r10; so the others are not cleared.
  package let verifiedEntrance: Entrance
  /// The same for such code that has nothing to do with r6 to r9, nor tail-calls any that could,
  /// and cannot fail. It makes no hops, so it must not be used where hops are counted in memory.
  package let lightEntrance: Entrance
  /// The entry of bare code (``CompiledCode/isBare``), as what enters it.
  package let bareFunction: @Sendable (UInt64) -> EnterFunction
  /// Calls subprograms of code that ``compile`` made.
  package let callBack: CallBackFunction

  /// Describes a compiler. Whoever makes one keeps the memory behind the functions alive with
  /// `compile`.
  package init(
    entrance: Entrance, verifiedEntrance: Entrance, lightEntrance: Entrance,
    bareFunction: @escaping @Sendable (UInt64) -> EnterFunction,
    callBack: @escaping CallBackFunction,
    compile: @escaping @Sendable (CompilationUnit) throws(LoadError) -> any CompiledCode
  ) {
    self.entrance = entrance
    self.verifiedEntrance = verifiedEntrance
    self.lightEntrance = lightEntrance
    self.bareFunction = bareFunction
    self.callBack = callBack
    self.compile = compile
  }
}

/// A program's machine code, alive as long as this object.
package protocol CompiledCode: AnyObject, Sendable {
  /// Where a run or a tail call enters. The four bytes before it hold the program's number.
  var entry: UInt64 { get }
  /// Whether a run can read or change one of the registers that hold r6 to r9.
  var usesPreserved: Bool { get }
  /// Whether its entry is a function of C, which takes r1 and r2 and returns r0, and 0 for hops.
  var isBare: Bool { get }
  /// Which instructions the bytes come from, by ascending offset.
  var origins: [CodeOrigin] { get }
  /// The bytes from the entry on.
  var bytes: [UInt8] { get }
}

/// Where the machine code of an instruction begins. One instruction may have several pieces, or
/// none.
public struct CodeOrigin: Hashable, Sendable {
  /// Bytes from the program's entry.
  public var offset: UInt32
  /// The slot of the instruction.
  public var slot: UInt32

  /// Pairs an offset with a slot.
  public init(offset: UInt32, slot: UInt32) {
    self.offset = offset
    self.slot = slot
  }
}

/// What a compiler gets: a program that was validated, with everything resolved to addresses.
package struct CompilationUnit: Sendable {
  /// The instructions as the interpreter would execute them: jumps in decoded instructions,
  /// helpers and maps as addresses, tail calls with the number of their site.
  package var instructions: [DecodedInstruction]
  /// For every decoded instruction, its slot.
  package var slots: [UInt32]
  /// By slot, what was proved; empty when nothing was.
  package var facts: [InstructionFacts]
  /// For decoded instructions that yield the address of a subprogram, its first instruction.
  package var functionAddresses: [Int: Int]
  /// The program's number.
  package var programID: UInt32
  /// The address that the services in ``CompiledServices`` know the program by.
  package var header: UInt64
  /// The arrays of programs that the program refers to, by the address of their headers.
  package var arrays: [UInt64: SlotTable]
  /// How to reach the values of each map that the program refers to, by the address of its header.
  package var maps: [UInt64: MapAccess]
  /// The arrays of values that the program refers to, by the address of their headers.
  package var valueArrays: [UInt64: ValueArray]
  /// What r1 points to.
  package var context: ContextLayout

  /// Where the values of an array are, as long as the map lives.
  package struct ValueArray: Sendable {
    /// Address of value 0, of CPU 0.
    package var base: UInt64
    /// Bytes from one value to the next.
    package var stride: UInt64
    /// Bytes from one CPU's values to the next one's; 0 when all CPUs share them.
    package var copyStride: UInt64
    /// Number of values.
    package var count: UInt32
  }

  /// Where the slots of an array of programs are found.
  package struct SlotTable: Sendable {
    /// Offset, in the table of the run's generation, of the address of slot 0; a slot has eight
    /// bytes.
    package var offset: Int32
    /// Number of slots.
    package var count: UInt32
  }

  init(
    _ decoded: DecodedProgram, _ source: ProgramSource, maps: [Map], programID: UInt32,
    header: UInt64
  ) {
    facts = source.facts
    instructions = decoded.instructions
    slots = decoded.slots
    functionAddresses = Dictionary(
      uniqueKeysWithValues: decoded.functionAddresses.map {
        ($0, Int(decoded.instructions[$0].immediate))
      })
    self.programID = programID
    self.header = header
    arrays = Dictionary(
      maps.compactMap { $0 as? ProgramArray }.map { ($0.header.address, $0.slotTable) },
      uniquingKeysWith: { first, _ in first })
    self.maps = Dictionary(
      maps.map { ($0.header.address, MapAccess($0)) }, uniquingKeysWith: { first, _ in first })
    valueArrays = Dictionary(
      maps.compactMap { $0 as? ArrayMap }.map { ($0.header.address, $0.valueArray) },
      uniquingKeysWith: { first, _ in first })
    context = source.type.context
  }
}

extension ContextLayout {
  /// Where the word of a packet pointer is, relative to the context, if a load at an offset yields
  /// one: of four bytes in most structs, of eight in others.
  package func redirectedWord(ofLoadAt offset: Int, byteCount: Int) -> Int? {
    guard
      let field = fields.first(where: {
        $0.offset == offset && $0.size == byteCount && !$0.value.isStored
      }),
      let word = PacketDescriptor.wordOffset(of: field.value)
    else { return nil }
    return descriptorOffset + word
  }

  /// How a store of four bytes at an offset is kept.
  package func storage(ofStoreAt offset: Int) -> ContextField.Storage {
    fields.first { $0.offset == offset && $0.storage != .plain }?.storage ?? .plain
  }
}
