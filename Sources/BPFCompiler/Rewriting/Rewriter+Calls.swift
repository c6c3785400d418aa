import BPFInstructions
import BPFRuntime
import X86Assembler

extension Rewriter {
  /// A helper is called, unless what it does is shorter than the call.
  mutating func rewriteHelperCall(_ i: DecodedInstruction, at index: Int) {
    switch UInt64(bitPattern: i.immediate) {
    case CompiledServices.processorID:
      var step = Step(.load, origin: index)
      step.accessSize = .word
      step.base = Self.cpuRegister
      step.displacement = CompiledServices.processorOffset
      append(step)
    case CompiledServices.mapLookup:
      guard let map = known.constant(1), let array = unit.valueArrays[map],
        Int32(exactly: array.stride) != nil, Int32(exactly: array.copyStride) != nil
      else { return appendCall(ofMapsOwn: \.lookup, at: index) }
      appendLookup(map, array, at: index)
    case CompiledServices.mapUpdate: appendCall(ofMapsOwn: \.update, at: index)
    case CompiledServices.mapDelete: appendCall(ofMapsOwn: \.delete, at: index)
    default: appendPlain(at: index)
    }
  }

  /// Calls a helper, or what a map that is known has in its place.
  private mutating func appendCall(ofMapsOwn function: KeyPath<MapAccess, UInt64?>, at index: Int) {
    let address = known.constant(1).flatMap { unit.maps[$0]?[keyPath: function] }
    appendPlain(at: index)
    guard let address else { return }
    steps[steps.count - 1].hasImmediate = true
    steps[steps.count - 1].immediate = Int64(bitPattern: address)
  }

  /// The number by which steps name the register with the address of the CPU's words.
  private static let cpuRegister: UInt8 = 13

  private mutating func appendLookup(
    _ map: UInt64, _ array: CompilationUnit.ValueArray, at index: Int
  ) {
    var step = Step(.lookup, origin: index)
    step.immediate = Int64(bitPattern: map)
    setPlace(&step, 2, 0)
    switch storedKey(step) {
    case .number(let number) where number >= array.count:
      return appendConstant(0, 0, at: index)
    case .number(let number) where array.copyStride == 0:
      return appendConstant(0, array.base &+ UInt64(number) &* array.stride, at: index)
    case .number(let number):
      step.hasImmediate = true
      step.displacement = Int32(bitPattern: number)
    case .register(let register): step.left = register
    case nil: break
    }
    append(step)
  }

  private enum Key {
    case number(UInt32)
    case register(UInt8)
  }

  /// What this block has stored where a key is on the stack, if that is still known.
  private func storedKey(_ place: Step) -> Key? {
    guard place.base == 10, place.index == Step.none else { return nil }
    let key = Int(place.displacement)..<Int(place.displacement) + 4
    var position = steps.count - 1
    while position >= Int(start) {
      let step = steps[position]
      if step.form == .plain { return nil }
      if step.form == .store {
        // Whatever is not known to be elsewhere may be the key.
        guard step.base == 10, step.index == Step.none else { return nil }
        let first = Int(step.displacement)
        let stored = first..<first + Int(step.accessSize.rawValue)
        if stored.overlaps(key) {
          guard first == key.lowerBound, stored.count >= 4 else { return nil }
          if step.hasImmediate || step.isRightKnown {
            return .number(UInt32(truncatingIfNeeded: step.immediate))
          }
          return isUnchanged(step.right, since: position) ? .register(step.right) : nil
        }
      }
      position -= 1
    }
    return nil
  }
}
