import BPFInstructions
package import BPFObject

/// Finds the tail calls of a program, and the array and index where the code makes them obvious.
///
/// It looks backwards from a call for what was put into r2 and r3, through plain moves, as far as
/// there is only one way to come: not past the target of a jump.
package struct TailCallSites {
  /// The calls, in order.
  package private(set) var sites: [ChainGraph.Site] = []

  private let spec: ProgramSpec
  private let maps: [MapSpec]
  /// Operations by slot; `nil` for the second slot of a wide instruction and for malformed ones.
  private var kinds: [Operation.Kind?] = []
  private var jumpTargets: Set<Int> = []

  /// Looks through a program.
  package init(_ spec: ProgramSpec, maps: [MapSpec]) {
    self.spec = spec
    self.maps = maps
    decode()
    for (slot, kind) in kinds.enumerated() where kind == .tailCall {
      sites.append(site(at: slot))
    }
  }

  private mutating func decode() {
    let instructions = spec.instructions
    kinds = [Operation.Kind?](repeating: nil, count: instructions.count)
    var slot = 0
    while slot < instructions.count {
      guard let operation = try? Operation(instructions[slot], at: slot) else {
        slot += 1
        continue
      }
      kinds[slot] = operation.kind
      switch operation.kind {
      case .jump(long: true):
        jumpTargets.insert(slot &+ 1 &+ Int(instructions[slot].immediate))
      case .jump(long: false), .branch, .mayGoto:
        jumpTargets.insert(slot &+ 1 &+ Int(instructions[slot].offset))
      default: break
      }
      slot += operation.slotCount
    }
    jumpTargets.formUnion(spec.functions.map(\.start))
  }

  private func site(at slot: Int) -> ChainGraph.Site {
    var array: String?
    if case .map(let map)? = value(of: .r2, before: slot), maps.indices.contains(map) {
      array = maps[map].name
    } else {
      array = soleArray
    }
    var index: UInt32?
    if case .constant(let constant)? = value(of: .r3, before: slot) {
      index = UInt32(truncatingIfNeeded: constant)
    }
    return ChainGraph.Site(
      instruction: slot, function: spec.function(at: slot)?.name ?? spec.name,
      line: spec.ownLine(at: slot), array: array, index: index)
  }

  /// The only array of programs that the program refers to: then every call goes through it.
  private var soleArray: String? {
    let arrays = Set(
      spec.references.values.compactMap { reference -> Int? in
        guard case .map(let map) = reference, maps.indices.contains(map),
          maps[map].isProgramArray
        else { return nil }
        return map
      })
    return arrays.count == 1 ? arrays.first.map { maps[$0].name } : nil
  }

  private enum Value {
    case map(Int)
    case constant(Int64)
  }

  /// What a register holds when control comes to a slot.
  private func value(of register: Register, before slot: Int) -> Value? {
    var register = register
    var position = slot
    while position > 0, !jumpTargets.contains(position) {
      position -= 1
      // The second slot of a wide instruction belongs to the one before it.
      guard let kind = kinds[position] else { continue }
      let instruction = spec.instructions[position]
      switch kind {
      case .jump, .exit: return nil
      case .callHelper, .callSubprogram, .callKernelFunction, .callRegister, .tailCall,
        .loadPacket:
        if register.rawValue <= 5 { return nil }
      case .loadImmediate64 where instruction.destination == register:
        return wideValue(at: position)
      case .arithmetic(.move, _, .immediate) where instruction.destination == register:
        return .constant(Int64(instruction.immediate))
      case .arithmetic(.move, .bits64, .register) where instruction.destination == register:
        register = instruction.source
      default:
        if writes(kind, instruction, register) { return nil }
      }
    }
    return nil
  }

  private func wideValue(at slot: Int) -> Value? {
    if case .map(let map)? = spec.references[slot] { return .map(map) }
    guard spec.references[slot] == nil, spec.instructions[slot].source == .r0 else { return nil }
    return .constant(Int64(spec.instructions[slot].immediate))
  }

  private func writes(
    _ kind: Operation.Kind, _ instruction: Instruction, _ register: Register
  ) -> Bool {
    switch kind {
    case .branch, .mayGoto, .store, .storeRelease: false
    case .atomic(let update, _):
      register == instruction.source || register == .r0 && update == .compareExchange
    default: instruction.destination == register
    }
  }
}
