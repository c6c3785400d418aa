// UNSAFE. Reads the memory that a program passed.
//
// Relies on the checked signature: both blocks are readable for their whole size.

extension Helper {
  /// The difference of two blocks as a one's complement sum, for the checksum helpers (RFC 1624).
  static let csumDiff = Helper(
    number: 28, name: "csum_diff",
    arguments: [
      .readableMemory(orNull: true), .size(allowsZero: true), .readableMemory(orNull: true),
      .size(allowsZero: true), .anything,
    ]
  ) { from, fromSize, to, toSize, seed, _ in
    let seed = UInt32(truncatingIfNeeded: seed)
    let fromCount = Int(fromSize.asUInt32)
    let toCount = Int(toSize.asUInt32)
    let sum: UInt32
    switch (fromCount > 0, toCount > 0) {
    case (true, true):
      sum = OnesComplement.add(
        OnesComplement.sum(to, count: toCount, seed: seed),
        ~OnesComplement.sum(from, count: fromCount, seed: 0))
    case (false, true): sum = OnesComplement.sum(to, count: toCount, seed: seed)
    case (true, false): sum = ~OnesComplement.sum(from, count: fromCount, seed: ~seed)
    case (false, false): sum = seed
    }
    return UInt64(OnesComplement.folded(sum))
  }
}

/// Arithmetic of Internet checksums on 32 bits in host byte order (RFC 1071).
///
/// Zero has two forms, and which one comes out is part of what programs see: a sum is 0 only when
/// everything that went into it was 0.
enum OnesComplement {
  /// The sum of two numbers, the carry added in.
  static func add(_ left: UInt32, _ right: UInt32) -> UInt32 {
    let (sum, carry) = left.addingReportingOverflow(right)
    return sum &+ (carry ? 1 : 0)
  }

  /// The sum of two numbers in 16 bits, the carry added in.
  static func add(_ left: UInt16, _ right: UInt16) -> UInt16 {
    let (sum, carry) = left.addingReportingOverflow(right)
    return sum &+ (carry ? 1 : 0)
  }

  /// A sum in 16 bits.
  static func folded(_ sum: UInt32) -> UInt16 {
    let once = (sum & 0xffff) &+ (sum &>> 16)
    return UInt16(truncatingIfNeeded: (once & 0xffff) &+ (once &>> 16))
  }

  /// The sum of a block of memory.
  static func sum(_ address: UInt64, count: Int, seed: UInt32) -> UInt32 {
    var total = UInt64(seed)
    var position = address
    // Less than 2^30 bytes, so less than 2^28 words of 32 bits: the total cannot overflow.
    let words = address &+ UInt64(count & ~3)
    while position < words {
      total &+= UInt64(UInt32(littleEndian: GuestMemory.load(position, as: UInt32.self)))
      position &+= 4
    }
    for index in 0..<UInt64(count & 3) {
      total &+= UInt64(GuestMemory.load(position &+ index, as: UInt8.self)) &<< (index &* 8)
    }
    while total > 0xffff_ffff { total = (total & 0xffff_ffff) &+ (total &>> 32) }
    return UInt32(truncatingIfNeeded: total)
  }
}
