import BPFInstructions

/// Slots of an operation with operands that matter: the ends of every field's range and some
/// ordinary values. A wide instruction comes with its second slot.
func samples(of operation: Operation) -> [[Instruction]] {
  let offsets: [Int16] = [0, 1, -1, 16, .max, .min]
  let immediates: [Int32] = [0, 1, -1, 8, 0x1234_5678, .max, .min]
  let registers: [(Register, Register)] = [(.r1, .r2), (.r0, .r10), (.r9, .r0), (.r3, .r3)]
  var result: [[Instruction]] = []
  for (destination, source) in registers {
    for index in 0..<max(offsets.count, immediates.count) {
      let slot = Instruction(
        operation, destination: destination, source: source,
        offset: offsets[index % offsets.count], immediate: immediates[index % immediates.count])
      if let slots = completed(slot, operation, upper: immediates[(index + 1) % immediates.count]) {
        result.append(slots)
      }
    }
  }
  return result
}

/// Random slots of an operation, valid ones.
func randomSlots(
  of operation: Operation, using generator: inout some RandomNumberGenerator
) -> [Instruction] {
  while true {
    let slot = Instruction(
      operation, destination: Register(rawValue: .random(in: 0...10, using: &generator)),
      source: Register(rawValue: .random(in: 0...10, using: &generator)),
      offset: .random(in: .min ... .max, using: &generator),
      immediate: .random(in: .min ... .max, using: &generator))
    let upper = Int32.random(in: .min ... .max, using: &generator)
    if let slots = completed(slot, operation, upper: upper) { return slots }
  }
}

/// Adjusts operands until the slot decodes as this operation, and appends a second half.
private func completed(_ slot: Instruction, _ operation: Operation, upper: Int32) -> [Instruction]?
{
  var slot = slot
  if operation == .callRegister {
    slot.immediate = slot.destination == .r0 ? (slot.immediate & 7) + 1 : 0
  }
  if operation == .loadImmediate64 {
    slot.source = Register(rawValue: slot.source.rawValue % UInt8(PseudoSource.allCases.count))
  }
  guard (try? Operation(slot, at: 0)) == operation else { return nil }
  guard operation == .loadImmediate64 else { return [slot] }
  return [slot, Instruction(opcode: 0, immediate: upper)]
}

/// A small generator with a fixed sequence, so that a failure can be repeated (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed &>> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed &>> 31)
  }
}
