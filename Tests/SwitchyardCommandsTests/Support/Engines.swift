import BPFCompiler
import Switchyard

/// What the command line runs programs on here unless it is told otherwise.
enum Engines {
  static let hasCompiler = ProgramCompiler.x86() != nil

  static var preferred: String { hasCompiler ? "jit" : "interpreter" }

  static var summary: String {
    hasCompiler ? "compiled, verified before" : "interpreter, every access tested"
  }
}
