public import BPFRuntime
import X86Assembler

extension ProgramCompiler {
  /// The compiler for x86-64 processors; `nil` elsewhere, and where the system does not allow
  /// executable memory.
  ///
  /// ```swift
  /// let runtime = Runtime(compiler: .x86())
  /// let program = try runtime.load(source, engine: .compiled)
  /// ```
  ///
  /// - Parameter isHardened: For programs of strangers: keeps the numbers that a program chooses
  ///   out of its code, and masks indices and what moves addresses against speculation;
  ///   docs/compiler.md has what it costs.
  public static func x86(isHardened: Bool = false) -> ProgramCompiler? {
    #if arch(x86_64) && os(Linux)
    return CodeRegion().map {
      ProgramCompiler(region: $0, processor: .current, isHardened: isHardened)
    }
    #else
    return nil
    #endif
  }

  /// A compiler with a region of its own, for tests: for processors that have less than this one.
  package init(region: CodeRegion, processor: ProcessorFeatures, isHardened: Bool = false) {
    let compiler = Compiler(region: region, processor: processor, isHardened: isHardened)
    self.init(
      entrance: entranceFunctions(at: region.entryCode.entrance),
      verifiedEntrance: entranceFunctions(at: region.entryCode.verifiedEntrance),
      lightEntrance: entranceFunctions(at: region.entryCode.lightEntrance),
      bareFunction: { enterFunction(at: $0) },
      callBack: callBackFunction(at: region.entryCode.callBack),
      compile: { unit throws(LoadError) in try compiler.compile(unit) })
  }
}

/// Compiles programs into a region.
struct Compiler: Sendable {
  let region: CodeRegion
  let processor: ProcessorFeatures
  let isHardened: Bool

  init(region: CodeRegion, processor: ProcessorFeatures, isHardened: Bool) {
    self.region = region
    var processor = processor
    // Counting bits needs a register that hardened code has numbers in.
    if isHardened { processor.hasPopulationCount = false }
    self.processor = processor
    self.isHardened = isHardened
  }

  func compile(_ unit: CompilationUnit) throws(LoadError) -> any CompiledCode {
    if let code = try place(unit, usesShortJumps: true) { return code }
    // The estimate of a short jump's reach was wrong: rather long code than none.
    if let code = try place(unit, usesShortJumps: false) { return code }
    throw .notCompilable("the code is too large", instruction: 0)
  }

  /// `nil` when a jump does not reach.
  private func place(
    _ unit: CompilationUnit, usesShortJumps: Bool
  ) throws(LoadError) -> CodeBlock? {
    let code = try Lowering(
      unit, region, processor, isHardened: isHardened, usesShortJumps: usesShortJumps
    ).lower()
    let block: CodeBlock?
    do throws(Encoder.PlacementError) {
      block = try region.place(code, programID: unit.programID)
    } catch {
      return nil
    }
    guard let block else { throw .noMemory }
    return block
  }
}
