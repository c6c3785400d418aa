// UNSAFE. The door for programs that nobody has verified.
//
// Invariant: whoever uses it says by the word `unsafe` that the program is known to be safe.

extension Runtime {
  /// Loads a program that nobody has verified, to be executed as it is.
  ///
  /// For programs of one's own, in tests and measurements. Compiled, the program can read, write
  /// and jump anywhere in the host: it is as dangerous as native code.
  ///
  /// - Throws: ``LoadError``. A failed load changes nothing, ownership included.
  @unsafe public func loadUnverified(
    _ source: ProgramSource, engine: Engine = .compiled
  ) throws(LoadError) -> Program {
    guard engine == .interpreter || compiler != nil else { throw .noCompiler }
    var source = source
    source.facts = []
    return try load(checked: source, engine)
  }
}
