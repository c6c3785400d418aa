// The words and signs of the kernel's notation (what the verifier's log and `bpftool prog dump
// xlated` print), shared by assembler and disassembler so that they cannot disagree.

extension Operation.Arithmetic {
  /// The assignment operator, as in `r1 += r2`.
  var symbol: String {
    switch self {
    case .add: "+="
    case .subtract: "-="
    case .multiply: "*="
    case .divide: "/="
    case .signedDivide: "s/="
    case .or: "|="
    case .and: "&="
    case .shiftLeft: "<<="
    case .shiftRight: ">>="
    case .modulo: "%="
    case .signedModulo: "s%="
    case .xor: "^="
    case .move: "="
    case .arithmeticShiftRight: "s>>="
    }
  }
}

extension Operation.Condition {
  /// The comparison, as in `if r1 == r2 goto`.
  var symbol: String {
    switch self {
    case .equal: "=="
    case .greater: ">"
    case .greaterOrEqual: ">="
    case .bitsSet: "&"
    case .notEqual: "!="
    case .signedGreater: "s>"
    case .signedGreaterOrEqual: "s>="
    case .less: "<"
    case .lessOrEqual: "<="
    case .signedLess: "s<"
    case .signedLessOrEqual: "s<="
    }
  }
}

extension Operation.AtomicUpdate {
  /// How an update is written.
  enum Form: Hashable {
    /// Without a result: `lock *(u64 *)(r1 +0) += r2`.
    case assignment(String)
    /// With one: `r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)`.
    case function(String)
  }

  var form: Form {
    switch self {
    case .add: .assignment("+=")
    case .or: .assignment("|=")
    case .and: .assignment("&=")
    case .xor: .assignment("^=")
    case .fetchAdd: .function("fetch_add")
    case .fetchOr: .function("fetch_or")
    case .fetchAnd: .function("fetch_and")
    case .fetchXor: .function("fetch_xor")
    case .exchange: .function("xchg")
    case .compareExchange: .function("cmpxchg")
    }
  }
}

extension Operation.ByteOrder {
  /// The word before the bit count, as in `r1 = be16 r1`.
  var prefix: String {
    switch self {
    case .toLittleEndian: "le"
    case .toBigEndian: "be"
    case .swap: "bswap"
    }
  }
}

extension Operation.Size {
  /// The type in `*(u32 *)(r1 +4)`.
  func typeName(signed: Bool) -> String { "\(signed ? "s" : "u")\(byteCount * 8)" }

  /// The word before an atomic function's name; only words and double words have one.
  var atomicPrefix: String { self == .doubleWord ? "atomic64_" : "atomic_" }
}

extension Register {
  /// `r1` or, for 32-bit operations, `w1`.
  func name(_ width: Operation.Width) -> String {
    width == .bits64 ? "r\(rawValue)" : "w\(rawValue)"
  }
}

/// A number with its sign always written, as in `goto pc+3`.
func signed(_ number: some SignedInteger) -> String {
  number < 0 ? "\(number)" : "+\(number)"
}

/// A number as the kernel prints hexadecimal ones, such as `0x1f`.
func hexadecimal(_ number: some UnsignedInteger & FixedWidthInteger) -> String {
  "0x" + String(number, radix: 16)
}
