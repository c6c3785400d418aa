import BPFInstructions
import BPFRuntime

/// What has to be known of a program as a whole before its first instruction is compiled.
struct ProgramShape {
  /// One function: the program itself or a subprogram.
  struct Function: Equatable {
    /// Its instructions.
    var range: Range<Int>
    /// Which of r6 to r9 it reads, one bit per register: what has to survive its calls.
    var readsPreserved: UInt16 = 0
    /// Whether it has a budget of `may_goto` iterations.
    var hasIterations = false
    /// The functions that it calls.
    fileprivate var callees: Set<Int> = []
    fileprivate var callsRegister = false
    /// The functions that it jumps into: where compilers let them share their last instructions.
    fileprivate var shares: Set<Int> = []
  }

  /// In order; the first is the program itself.
  private(set) var functions: [Function] = []
  /// For every instruction, what it does to registers and where it leads.
  private(set) var effects: [InstructionEffect] = []
  /// For every instruction, whether a jump or call leads to it: what was known before it is void.
  private(set) var isTarget: [Bool]
  /// The first instructions of functions whose addresses are taken, in order.
  private(set) var addressed: [Int] = []
  /// Whether a run can read or change one of r6 to r9, in a program that it tail-calls perhaps.
  ///
  /// A helper that calls back may have to end the run, which takes the full way in.
  private(set) var usesPreserved = false
  /// The instructions that lead elsewhere than to the next one, in order.
  private var transfers: [Int] = []

  /// r6 to r9.
  static let preserved: UInt16 = 0b11_1100_0000

  /// Whether functions have instructions in common.
  var sharesCode: Bool { functions.contains { !$0.shares.isEmpty } }

  /// Whether a function calls others of the program, which overwrite registers.
  func callsFunctions(_ number: Int) -> Bool {
    functions[number].callsRegister || !functions[number].callees.isEmpty
  }

  /// More blocks than this there cannot be: one ends where a jump leaves or leads to.
  var blockLimit: Int { 2 * transfers.count + functions.count }

  /// The number of the function with a first instruction.
  func function(startingAt first: Int) -> Int? {
    functions.firstIndex { $0.range.lowerBound == first }
  }

  /// As many as Linux takes.
  private static let functionLimit = 256

  /// - Throws: ``LoadError`` for a program whose calls are not bounded by its text, or with a
  ///   function that runs on into the next one; Linux refuses both, too.
  init(_ unit: CompilationUnit) throws(LoadError) {
    isTarget = [Bool](repeating: false, count: unit.instructions.count)
    var entries: Set<Int> = [0]
    noteInstructions(of: unit, &entries)
    for target in unit.functionAddresses.values {
      entries.insert(target)
      isTarget[target] = true
    }
    addressed = Set(unit.functionAddresses.values).sorted()
    let starts = entries.sorted()
    guard starts.count <= Self.functionLimit else {
      throw .notCompilable(
        "more than \(Self.functionLimit) functions",
        instruction: Int(unit.slots[starts[Self.functionLimit]]))
    }
    for (number, start) in starts.enumerated() {
      let end = number + 1 < starts.count ? starts[number + 1] : unit.instructions.count
      functions.append(Function(range: start..<end))
    }
    var next = 0
    for number in functions.indices { try describe(number, &next, starts, unit) }
    joinFunctions()
    if functions.count > 1 || callsFunctions(0) { try checkDepth(starts, unit) }
  }

  private mutating func noteInstructions(of unit: CompilationUnit, _ entries: inout Set<Int>) {
    effects = unit.instructions.map { InstructionEffect($0) }
    var used: UInt16 = 0
    for index in effects.indices {
      used |= effects[index].used
      guard effects[index].isTransfer || effects[index].isCall else { continue }
      transfers.append(index)
      let instruction = unit.instructions[index]
      switch instruction.operation.kind {
      case .tailCall, .callRegister: usesPreserved = true
      case .callHelper where instruction.source != 0: usesPreserved = true
      case .callSubprogram: entries.insert(index + 1 + Int(instruction.offset))
      default: break
      }
      if let target = Self.target(of: instruction, at: index) { isTarget[target] = true }
    }
    usesPreserved = usesPreserved || used & Self.preserved != 0
  }

  /// Where a jump, branch or call goes.
  static func target(of instruction: DecodedInstruction, at index: Int) -> Int? {
    switch instruction.operation.kind {
    case .jump, .branch, .mayGoto, .callSubprogram: index + 1 + Int(instruction.offset)
    default: nil
    }
  }

  /// - Parameter next: The first of the transfers that belongs to this function or one behind it.
  private mutating func describe(
    _ number: Int, _ next: inout Int, _ starts: [Int], _ unit: CompilationUnit
  ) throws(LoadError) {
    var function = functions[number]
    for index in function.range {
      function.readsPreserved |= effects[index].reads & Self.preserved
    }
    while next < transfers.count, transfers[next] < function.range.upperBound {
      let index = transfers[next]
      next += 1
      let instruction = unit.instructions[index]
      let target = Self.target(of: instruction, at: index)
      switch instruction.operation.kind {
      case .callSubprogram:
        if let target { function.callees.insert(target) }
        continue
      case .callRegister: function.callsRegister = true
      case .mayGoto: function.hasIterations = true
      default: break
      }
      if let target, !function.range.contains(target) {
        function.shares.insert(starts.partitioningIndex { $0 > target } - 1)
      }
    }
    let last = unit.instructions[function.range.upperBound - 1].operation
    guard last.endsBlock else {
      throw .notCompilable(
        "the function ends without exit or jump",
        instruction: Int(unit.slots[function.range.upperBound - 1]))
    }
    functions[number] = function
  }

  /// Functions with instructions in common have the same frame, and the one that jumps may call
  /// what the other one calls.
  private mutating func joinFunctions() {
    var isChanged = functions.contains { !$0.shares.isEmpty }
    while isChanged {
      isChanged = false
      for number in functions.indices {
        for other in functions[number].shares {
          let old = (functions[number], functions[other])
          functions[number].readsPreserved |= old.1.readsPreserved
          functions[other].readsPreserved |= old.0.readsPreserved
          functions[number].hasIterations = old.0.hasIterations || old.1.hasIterations
          functions[other].hasIterations = functions[number].hasIterations
          functions[number].callees.formUnion(old.1.callees)
          functions[number].callsRegister = old.0.callsRegister || old.1.callsRegister
          isChanged =
            isChanged || functions[number] != old.0 || functions[other] != old.1
        }
      }
    }
  }

  /// The frames of a program are bounded by its text: the compiled code does not count them.
  private func checkDepth(_ starts: [Int], _ unit: CompilationUnit) throws(LoadError) {
    let numbers = Dictionary(
      uniqueKeysWithValues: starts.enumerated().map { ($0.element, $0.offset) })
    var heights: [Int: Int] = [:]
    func height(_ number: Int, level: Int) throws(LoadError) -> Int {
      let function = functions[number]
      if let known = heights[number], level + known <= Limits.frames { return known }
      guard level < Limits.frames else {
        throw .notCompilable(
          "calls are more than \(Limits.frames) frames deep, or recursive",
          instruction: Int(unit.slots[function.range.lowerBound]))
      }
      var callees = function.callees
      if function.callsRegister { callees.formUnion(addressed) }
      var highest = 0
      for callee in callees {
        guard let callee = numbers[callee] else { continue }
        highest = max(highest, try height(callee, level: level + 1))
      }
      heights[number] = highest + 1
      return highest + 1
    }
    _ = try height(0, level: 0)
  }
}

extension [Int] {
  /// The first index whose element fulfils a condition that all later ones fulfil, too.
  fileprivate func partitioningIndex(where isBehind: (Int) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = (low + high) / 2
      if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
