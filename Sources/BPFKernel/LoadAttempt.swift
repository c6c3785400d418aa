import BPFInstructions

/// One program on its way into Linux: the attribute, and how often to try.
struct LoadAttempt {
  private let instructions: [Instruction]
  private let options: KernelProgram.Options
  /// What the verifier said last.
  private(set) var log = ""

  // A refused program's log is short; the level that prints every state needs far more.
  private static let logByteCount = 1 << 20
  private static let verboseLogByteCount = 1 << 24
  // Linux gives EAGAIN when a signal interrupts the verifier; a few tries get past it.
  private static let tries = 5

  init(_ instructions: [Instruction], _ options: KernelProgram.Options) {
    self.instructions = instructions
    self.options = options
  }

  /// Loads the program and returns its descriptor.
  ///
  /// Without a log first, which is much faster; a refused program is loaded again for the log. The
  /// errno is that of the first refusal: with a log the kernel may report the log's overflow.
  mutating func run() throws(KernelErrno) -> Int32 {
    do throws(KernelErrno) {
      return try load(logLevel: options.logLevel)
    } catch {
      // A refusal of the whole call has no log to offer.
      guard options.logLevel == 0, error != .noSystemCall, error != .notPermitted else {
        throw error
      }
      if let descriptor = try? load(logLevel: 1) { return descriptor }
      throw error
    }
  }

  private mutating func load(logLevel: UInt32) throws(KernelErrno) -> Int32 {
    for _ in 1..<Self.tries {
      do throws(KernelErrno) {
        return try loadOnce(logLevel: logLevel)
      } catch {
        guard error == .tryAgain else { throw error }
      }
    }
    return try loadOnce(logLevel: logLevel)
  }

  private mutating func loadOnce(logLevel: UInt32) throws(KernelErrno) -> Int32 {
    let code = instructions.littleEndianBytes
    let functions = options.functionInfo.flatMap {
      KernelBytes.word($0.slot) + KernelBytes.word($0.typeID)
    }
    let logByteCount =
      switch logLevel {
      case 0: 0
      case 1: Self.logByteCount
      default: Self.verboseLogByteCount
      }
    var memory = Scratch(byteCounts: [
      logByteCount, code.count, options.license.utf8.count + 1, functions.count,
    ])
    let logRegion = memory.reserve(logByteCount)
    var attribute = Attribute()
    attribute.store(options.type, at: 0)
    attribute.store(UInt32(truncatingIfNeeded: instructions.count), at: 4)
    attribute.store(wide: memory.place(code).address, at: 8)
    attribute.store(wide: memory.place(text: options.license).address, at: 16)
    attribute.store(logLevel, at: 24)
    attribute.store(UInt32(truncatingIfNeeded: logByteCount), at: 28)
    attribute.store(wide: logRegion.address, at: 32)
    attribute.store(options.flags, at: 44)
    attribute.store(name: options.name, at: 48)
    attribute.store(options.expectedAttachType, at: 68)
    if let btf = options.btf { attribute.store(btf.descriptor, at: 72) }
    if !functions.isEmpty {
      attribute.store(8, at: 76)
      attribute.store(wide: memory.place(functions).address, at: 80)
      attribute.store(UInt32(truncatingIfNeeded: options.functionInfo.count), at: 88)
    }
    defer { if logLevel > 0 { log = memory.text(of: logRegion) } }
    return try attribute.perform(.programLoad, with: memory)
  }
}
