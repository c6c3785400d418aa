/// Writes x86-64 instructions, one method per form. It encodes and knows nothing else: what the
/// code is for is decided by whoever calls it.
///
/// Operands stand in the order of Intel's manuals: the destination first.
public struct Encoder: ~Copyable {
  var buffer: CodeBuffer
  /// Where labels were bound; -1 before that.
  private var positions: [Int32] = []
  private var fixUps: [FixUp] = []
  private var addresses: [AddressFixUp] = []

  /// A place in the code that jumps can name before it is there.
  public struct Label: Hashable, Sendable {
    fileprivate let number: Int32
  }

  private struct FixUp {
    var offset: Int32
    var label: Int32
    var isShort: Bool
  }

  private struct AddressFixUp {
    var offset: Int32
    var target: UInt64
  }

  /// What cannot be encoded once everything has its place.
  public enum PlacementError: Error, Hashable, Sendable {
    /// A short jump's label is too far away.
    case jumpOutOfRange
    /// An absolute target is more than 2 GiB away.
    case targetOutOfRange
  }

  /// Starts with nothing; `capacity` bytes fit without growing.
  public init(capacity: Int = 256) {
    buffer = CodeBuffer(capacity: capacity)
  }

  /// Bytes that were written.
  public var count: Int { buffer.count }

  // MARK: Labels

  /// A new label, bound nowhere yet.
  public mutating func makeLabel() -> Label {
    positions.append(-1)
    return Label(number: Int32(truncatingIfNeeded: positions.count - 1))
  }

  /// Many new labels.
  public mutating func makeLabels(_ count: Int) -> [Label] {
    let first = positions.count
    positions.append(contentsOf: repeatElement(-1, count: count))
    return (first..<first + count).map { Label(number: Int32(truncatingIfNeeded: $0)) }
  }

  /// Puts a label here.
  public mutating func bind(_ label: Label) {
    positions[Int(label.number)] = Int32(truncatingIfNeeded: buffer.count)
  }

  /// Where a label is; `nil` before it is bound.
  public func position(of label: Label) -> Int? {
    let position = positions[Int(label.number)]
    return position < 0 ? nil : Int(position)
  }

  /// Ends an instruction with a distance to a label: the last thing that is written of it.
  mutating func appendDistance(to label: Label, isShort: Bool) {
    fixUps.append(
      FixUp(
        offset: Int32(truncatingIfNeeded: buffer.count), label: label.number, isShort: isShort))
    if isShort { buffer.append(Int8(0)) } else { buffer.append(Int32(0)) }
  }

  /// Ends an instruction with a distance to an address.
  mutating func appendDistance(toAddress target: UInt64) {
    addresses.append(
      AddressFixUp(offset: Int32(truncatingIfNeeded: buffer.count), target: target))
    buffer.append(Int32(0))
  }

  /// The finished code for a place in memory.
  ///
  /// - Parameter address: Where the first byte will be when the code runs.
  /// - Throws: ``PlacementError``. A label that was never bound traps.
  public consuming func finish(at address: UInt64) throws(PlacementError) -> [UInt8] {
    try resolve(at: address)
    return buffer.bytes
  }

  /// The same without a copy: whoever puts the code into its place gets to see it once.
  public consuming func finish(
    at address: UInt64, _ body: (RawSpan) -> Void
  ) throws(PlacementError) {
    try resolve(at: address)
    buffer.withBytes(body)
  }

  /// Fills in all distances.
  private mutating func resolve(at address: UInt64) throws(PlacementError) {
    for fixUp in fixUps {
      let target = positions[Int(fixUp.label)]
      precondition(target >= 0, "a jump to a label that was never bound")
      let distance = target &- fixUp.offset &- (fixUp.isShort ? 1 : 4)
      if fixUp.isShort {
        guard let short = Int8(exactly: distance) else { throw .jumpOutOfRange }
        buffer.patch(short, at: Int(fixUp.offset))
      } else {
        buffer.patch(distance, at: Int(fixUp.offset))
      }
    }
    for fixUp in addresses {
      let next = address &+ UInt64(fixUp.offset) &+ 4
      guard let distance = Int32(exactly: Int64(bitPattern: fixUp.target &- next)) else {
        throw .targetOutOfRange
      }
      buffer.patch(distance, at: Int(fixUp.offset))
    }
  }

  // MARK: The general form: prefixes, opcode, ModRM

  /// An opcode of one to three bytes, the first one highest.
  @inline(__always)
  private mutating func append(opcode: UInt32) {
    if opcode > 0xffff { buffer.append(UInt8(truncatingIfNeeded: opcode >> 16)) }
    if opcode > 0xff { buffer.append(UInt8(truncatingIfNeeded: opcode >> 8)) }
    buffer.append(UInt8(truncatingIfNeeded: opcode))
  }

  /// A size prefix where 16 bits need one, and REX where size or registers do.
  @inline(__always)
  private mutating func appendPrefixes(
    _ size: OperandSize, reg: UInt8, index: UInt8, base: UInt8, force: Bool
  ) {
    if size == .half { buffer.append(UInt8(0x66)) }
    let wide: UInt8 = size == .doubleWord ? 0x48 : 0x40
    let high: UInt8 = (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3
    let rex = wide | high
    if rex != 0x40 || force { buffer.append(rex) }
  }

  /// Whether a byte register needs REX to mean spl to dil and not ah to bh.
  @inline(__always)
  private func needsPrefix(_ size: OperandSize, _ register: UInt8) -> Bool {
    size == .byte && register & 0xc == 4
  }

  /// An instruction on a register and, in `reg`, another one or an extension of the opcode.
  @inline(__always)
  mutating func emit(
    _ opcode: UInt32, _ size: OperandSize, reg: UInt8, _ rm: MachineRegister,
    byteRegister: Bool = false, extended: Bool = false
  ) {
    buffer.reserve()
    let force =
      needsPrefix(size, rm.rawValue) || (!extended && needsPrefix(size, reg))
      || (byteRegister && needsPrefix(.byte, rm.rawValue))
    appendPrefixes(size, reg: reg, index: 0, base: rm.rawValue, force: force)
    append(opcode: opcode)
    buffer.append(0xc0 | (reg & 7) << 3 | rm.low)
  }

  /// An instruction on memory.
  @inline(__always)
  mutating func emit(
    _ opcode: UInt32, _ size: OperandSize, reg: UInt8, _ memory: MemoryOperand,
    lock: Bool = false, extended: Bool = false
  ) {
    buffer.reserve()
    if lock { buffer.append(UInt8(0xf0)) }
    appendPrefixes(
      size, reg: reg, index: memory.index?.rawValue ?? 0, base: memory.base.rawValue,
      force: !extended && needsPrefix(size, reg))
    append(opcode: opcode)
    append(memory, reg: reg)
  }

  /// ModRM, SIB and displacement.
  @inline(__always)
  mutating func append(_ memory: MemoryOperand, reg: UInt8) {
    let displacement = memory.displacement
    // Base 101 without displacement means something else, so rbp and r13 always get one.
    let mode: UInt8 =
      displacement == 0 && memory.base.low != 5 ? 0 : Int8(exactly: displacement) != nil ? 1 : 2
    let middle = (reg & 7) << 3
    if let index = memory.index {
      buffer.append(mode << 6 | middle | 4)
      buffer.append(memory.scale.rawValue << 6 | index.low << 3 | memory.base.low)
    } else if memory.base.low == 4 {
      // rsp and r12 as base are only expressible with a SIB byte.
      buffer.append(mode << 6 | middle | 4)
      buffer.append(UInt8(0x24))
    } else {
      buffer.append(mode << 6 | middle | memory.base.low)
    }
    if mode == 1 {
      buffer.append(Int8(truncatingIfNeeded: displacement))
    } else if mode == 2 {
      buffer.append(displacement)
    }
  }

  /// An immediate as wide as the operand, at most 32 bits.
  @inline(__always)
  mutating func append(immediate: Int32, _ size: OperandSize) {
    switch size {
    case .byte: buffer.append(Int8(truncatingIfNeeded: immediate))
    case .half: buffer.append(Int16(truncatingIfNeeded: immediate))
    case .word, .doubleWord: buffer.append(immediate)
    }
  }

  /// The opcode for a size: byte forms are one below the others.
  @inline(__always)
  func sized(_ opcode: UInt32, _ size: OperandSize) -> UInt32 {
    size == .byte ? opcode &- 1 : opcode
  }
}
