import BPFInstructions
import BPFRuntime
import X86Assembler

/// Numbers that programs read byte by byte, because BPF's loads have the machine's byte order:
/// one load, and the bytes turned round where the other order is meant.
extension Rewriter {
  /// A byte of memory that is part of a number.
  struct LoadedByte {
    /// The step that loads it, which has its place.
    var load: Int
    /// Where it is, besides the registers that the place is made of.
    var displacement: Int32
    /// By how many bits it is shifted to the left in the number.
    var shift: Int
  }

  /// Steps between the first load of a byte and the number; further away nobody looks.
  private static let reach = 48

  /// `destination |= source`, if what is in both are all bytes of a number in memory.
  mutating func appendRecomposedLoad(
    _ size: OperandSize, _ i: DecodedInstruction, at index: Int
  ) -> Bool {
    let other = source(i.source, size)
    guard i.destination != other, let left = maker(of: source(i.destination, size)),
      let right = maker(of: other), isPart(left), isPart(right),
      var bytes = self.bytes(left, size, depth: 0), let more = self.bytes(right, size, depth: 0),
      bytes.count + more.count <= 8
    else { return false }
    bytes += more
    bytes.sort { $0.shift < $1.shift }
    guard let accessSize = Self.size(ofByteCount: bytes.count),
      bytes.indices.allSatisfy({ bytes[$0].shift == $0 * 8 }),
      let step = Self.direction(of: bytes), isStillThere(bytes)
    else { return false }
    appendLoad(bytes, accessSize, isReversed: step < 0, i.destination, at: index)
    recomposed[steps.count - 1] = bytes
    return true
  }

  /// Whether a step may be a part of a number: most are not, which has to be found out fast.
  @inline(__always)
  private func isPart(_ step: Int) -> Bool {
    if recomposed[step] != nil { return true }
    switch steps[step].form {
    case .load: return steps[step].accessSize == .byte && !steps[step].isSigned
    case .shift: return steps[step].shift == .shiftLeft && steps[step].hasImmediate
    case .binary: return steps[step].binary == .or && !steps[step].hasImmediate
    default: return false
    }
  }

  /// The bytes that a step puts together, with nothing else in the result.
  ///
  /// - Parameter size: The width of what is done with the result.
  private func bytes(_ step: Int, _ size: OperandSize, depth: Int) -> [LoadedByte]? {
    guard step >= Int(start), steps.count - step <= Self.reach, depth < 16, isPart(step) else {
      return nil
    }
    let bits = size == .word ? 32 : 64
    var result: [LoadedByte]
    if let known = recomposed[step] {
      result = known
    } else {
      let made = steps[step]
      let inner = made.form == .load ? size : made.size
      switch made.form {
      case .load:
        result = [LoadedByte(load: step, displacement: made.displacement, shift: 0)]
      case .shift:
        guard let shifted = bytes(Int(made.leftMaker), inner, depth: depth + 1) else { return nil }
        result = shifted.map {
          LoadedByte(
            load: $0.load, displacement: $0.displacement, shift: $0.shift + Int(made.immediate))
        }
      default:
        guard let left = bytes(Int(made.leftMaker), inner, depth: depth + 1),
          let right = bytes(Int(made.rightMaker), inner, depth: depth + 1)
        else { return nil }
        result = left + right
      }
      let width = inner == .word ? 32 : 64
      guard result.allSatisfy({ $0.shift + 8 <= width }) else { return nil }
    }
    return result.allSatisfy { $0.shift + 8 <= bits } ? result : nil
  }

  private static func size(ofByteCount count: Int) -> OperandSize? {
    switch count {
    case 2: .half
    case 4: .word
    case 8: .doubleWord
    default: nil
    }
  }

  /// 1 when bytes of higher value are behind those of lower value, -1 when in front of them.
  private static func direction(of bytes: [LoadedByte]) -> Int32? {
    let direction = bytes[1].displacement &- bytes[0].displacement
    guard direction == 1 || direction == -1 else { return nil }
    let first = bytes[0].displacement
    let isRun = bytes.indices.allSatisfy {
      bytes[$0].displacement == first &+ direction &* Int32(truncatingIfNeeded: $0)
    }
    return isRun ? direction : nil
  }

  /// Whether all bytes are in the same place, which can still be named, and nothing has been
  /// written to memory since the first of them was loaded.
  private func isStillThere(_ bytes: [LoadedByte]) -> Bool {
    let place = steps[bytes[0].load]
    var first = bytes[0].load
    for byte in bytes {
      let load = steps[byte.load]
      guard load.form == .load, load.base == place.base, load.index == place.index,
        load.scale == place.scale, isUnchanged(load.base, since: byte.load),
        isUnchanged(load.index, since: byte.load)
      else { return false }
      first = min(first, byte.load)
    }
    return steps[first...].allSatisfy {
      $0.form != .store && $0.form != .plain && $0.form != .lookup
    }
  }

  private mutating func appendLoad(
    _ bytes: [LoadedByte], _ size: OperandSize, isReversed: Bool, _ destination: UInt8,
    at index: Int
  ) {
    var load = Step(.load, origin: index)
    let place = steps[bytes[0].load]
    load.destination = destination
    load.accessSize = size
    load.base = place.base
    load.index = place.index
    load.scale = place.scale
    load.displacement = min(bytes[0].displacement, bytes[bytes.count - 1].displacement)
    append(load)
    guard isReversed else { return }
    var swap = Step(size == .half ? .shift : .swapBytes, origin: index)
    swap.size = size
    swap.destination = destination
    swap.left = destination
    if size == .half {
      // Within the lower half of a word: the rest stays 0.
      swap.shift = .rotateLeft
      swap.hasImmediate = true
      swap.immediate = 8
    }
    append(swap)
  }
}
