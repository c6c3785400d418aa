import BPFInstructions
import Testing

@testable import BPFVerifier

/// What is said of numbers holds for every number: each result of an operation on members is a
/// member of the operation's result.
@Suite("Arithmetic on what is known of numbers")
struct ScalarTests {
  private typealias Numbers = ProgramGenerator.Numbers

  private static let corners: [UInt64] = [
    0, 1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x1_0000,
    0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000, 0xffff_ffff_0000_0000, 0xffff_ffff_8000_0000, .max, .max - 1,
  ]

  private static func number(_ random: inout Numbers) -> UInt64 {
    Bool.random(using: &random)
      ? corners[Int.random(in: corners.indices, using: &random)]
      : random.next() >> UInt64.random(in: 0..<64, using: &random)
  }

  /// What is known of a number, in one of several ways, and some numbers that fit.
  private static func sample(_ random: inout Numbers) -> (Scalar, [UInt64]) {
    let a = number(&random)
    let b = number(&random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return (Scalar(constant: a), [a])
    case 1:
      let (low, high) = (min(a, b), max(a, b))
      let inside = low &+ (high &- low) / 2
      return (.between(low, high), [low, high, inside])
    case 2:
      let bits = KnownBits(value: a & ~b, unknown: b)
      return (.matching(bits), [bits.minimum, bits.maximum, a & ~b | random.next() & b])
    default:
      let low = min(Int64(bitPattern: a), Int64(bitPattern: b))
      let high = max(Int64(bitPattern: a), Int64(bitPattern: b))
      var scalar = Scalar.anything
      scalar.signedMinimum = low
      scalar.signedMaximum = high
      scalar.tighten()
      return (scalar, [UInt64(bitPattern: low), UInt64(bitPattern: high)])
    }
  }

  private static func compute(
    _ operation: Operation.Arithmetic, _ width: Operation.Width, _ a: UInt64, _ b: UInt64
  ) -> UInt64? {
    let isWide = width == .bits64
    let mask: UInt64 = isWide ? .max : 0xffff_ffff
    let count = b & (isWide ? 63 : 31)
    switch operation {
    case .add: return (a &+ b) & mask
    case .subtract: return (a &- b) & mask
    case .multiply: return (a &* b) & mask
    case .and: return a & b & mask
    case .or: return (a | b) & mask
    case .xor: return (a ^ b) & mask
    case .shiftLeft: return (a & mask) &<< count & mask
    case .shiftRight: return (a & mask) &>> count
    case .arithmeticShiftRight:
      return isWide
        ? UInt64(bitPattern: Int64(bitPattern: a) &>> Int64(count))
        : UInt64(UInt32(bitPattern: Int32(truncatingIfNeeded: a) &>> Int32(count)))
    default: return nil
    }
  }

  @Test("Every result is a member of the result", arguments: Operation.Arithmetic.allCases)
  func arithmetic(operation: Operation.Arithmetic) {
    var random = Numbers(state: 7)
    for _ in 0..<4000 {
      let (left, lefts) = Self.sample(&random)
      let (right, rights) = Self.sample(&random)
      for width in [Operation.Width.bits64, .bits32] {
        let result = Scalar.apply(operation, width, left, right)
        for a in lefts {
          for b in rights {
            guard let value = Self.compute(operation, width, a, b) else { continue }
            #expect(result.contains(value), "\(operation) \(width) \(a) \(b): \(result)")
          }
        }
      }
    }
  }

  @Test("Every number that fits before a change of width fits afterwards")
  func widths() {
    var random = Numbers(state: 11)
    for _ in 0..<4000 {
      let (scalar, members) = Self.sample(&random)
      for member in members {
        #expect(scalar.contains(member), "\(scalar)")
        #expect(scalar.zeroExtended32.contains(member & 0xffff_ffff))
        for bytes in [1, 2, 4] {
          let mask: UInt64 = (1 << UInt64(bytes * 8)) - 1
          #expect(scalar.truncated(toBytes: bytes).contains(member & mask))
          let shift = UInt64(64 - bytes * 8)
          let extended = UInt64(bitPattern: Int64(bitPattern: member << shift) >> Int64(shift))
          #expect(scalar.signExtended(fromBits: bytes * 8).contains(extended))
          #expect(
            scalar.signExtended(fromBits: bytes * 8, .bits32).contains(extended & 0xffff_ffff))
        }
        #expect(scalar.negated(.bits64).contains(0 &- member))
        #expect(KnownBits.anything.contains(member.byteSwapped))
        #expect(scalar.bits.byteSwapped(bits: 64).contains(member.byteSwapped))
      }
    }
  }

  private static func holds(
    _ condition: Operation.Condition, _ width: Operation.Width, _ a: UInt64, _ b: UInt64
  ) -> Bool {
    let mask: UInt64 = width == .bits64 ? .max : 0xffff_ffff
    let (x, y) = (a & mask, b & mask)
    let shift: Int64 = width == .bits64 ? 0 : 32
    let signedX = Int64(bitPattern: x << UInt64(shift)) >> shift
    let signedY = Int64(bitPattern: y << UInt64(shift)) >> shift
    return switch condition {
    case .equal: x == y
    case .notEqual: x != y
    case .greater: x > y
    case .greaterOrEqual: x >= y
    case .less: x < y
    case .lessOrEqual: x <= y
    case .bitsSet: x & y != 0
    case .signedGreater: signedX > signedY
    case .signedGreaterOrEqual: signedX >= signedY
    case .signedLess: signedX < signedY
    case .signedLessOrEqual: signedX <= signedY
    }
  }

  @Test("The members next to a bound are those that trying them out finds")
  func nextMembers() {
    for unknown in 0..<64 as Range<UInt64> {
      for value in 0..<64 as Range<UInt64> where value & unknown == 0 {
        let bits = KnownBits(value: value, unknown: unknown)
        let members = (0..<64).filter { bits.contains($0) }
        for bound in 0..<64 as Range<UInt64> {
          #expect(bits.lowest(from: bound) == members.first { $0 >= bound })
          #expect(bits.highest(upTo: bound) == members.last { $0 <= bound })
        }
      }
    }
  }

  @Test(
    "Comparisons are decided rightly, and narrow no number away that is possible",
    arguments: Operation.Condition.allCases)
  func conditions(condition: Operation.Condition) {
    var random = Numbers(state: 13)
    for _ in 0..<4000 {
      let (left, lefts) = Self.sample(&random)
      let (right, rights) = Self.sample(&random)
      for width in [Operation.Width.bits64, .bits32] {
        let outcome = Scalar.outcome(condition, width, left, right)
        for a in lefts {
          for b in rights {
            let holds = Self.holds(condition, width, a, b)
            #expect(outcome == nil || outcome == holds, "\(condition) \(width) \(a) \(b)")
            guard outcome == nil else { continue }
            var (newLeft, newRight) = (left, right)
            Scalar.refine(condition, width, holds: holds, &newLeft, &newRight)
            #expect(newLeft.contains(a), "\(condition) \(width) \(holds) \(a) \(b): \(left)")
            #expect(newRight.contains(b), "\(condition) \(width) \(holds) \(a) \(b): \(right)")
          }
        }
      }
    }
  }
}
