// UNSAFE. Tests the arguments of a helper call before a checked run makes it.
//
// Relies on the invariants of RunMemory; a helper may trust every argument that passes.

extension RunMemory {
  /// Whether the five arguments fit a signature; `false` after a fault.
  @inline(never)
  func permitsCall(signature index: Int32, _ arguments: HelperArguments) -> Bool {
    let base = unsafe UInt(image.pointee.signatures)
    let table = unsafe UnsafePointer<PackedSignature>(bitPattern: base)
    guard let table = unsafe table else { return true }
    let signature = unsafe table[Int(index)]
    var map: UInt64 = 0
    for position in 0..<5 {
      let kind = signature.kinds[position]
      guard kind != .anything else { continue }
      let value = arguments[position]
      let size = kind.byteCount(
        map: map, next: arguments[min(position + 1, 4)],
        fixed: signature.fixedByteCounts[position])
      guard permits(kind, value, size: size) else {
        return fault(.invalidHelperArgument, value, position + 1)
      }
      if kind == .map { map = value }
      guard spend(size) else { return fault(.instructionLimit, 0) }
    }
    return true
  }

  /// Takes bytes off what the run may give to helpers; `false` when there is not so much left.
  private func spend(_ byteCount: UInt64) -> Bool {
    let left = unsafe cpu.words.pointee.helperBytesLeft
    guard byteCount <= left else { return false }
    unsafe cpu.words.pointee.helperBytesLeft = left &- byteCount
    return true
  }

  private func permits(_ kind: PackedSignature.Kind, _ value: UInt64, size: UInt64) -> Bool {
    // Sizes come out of registers: anything larger than a packet can be is refused before it is
    // used in arithmetic.
    let limit: UInt64 = 1 << 30
    switch kind {
    case .anything, .sizeOrZero: return true
    case .context: return value == cpu.context
    case .function: return isFunction(value)
    case .socket:
      return cpu.socketAddresses.contains(value) || BlankSocket.contains(value, end: value)
    case .map: return isMap(value)
    case .size: return value != 0
    case .mapValueOrNull: return value == 0 || permits(.mapValue, value, size: size)
    case .reservation: return cpu.holdsRecord(at: value)
    // No memory at all needs no address, and 0 is an address only for no memory, as in Linux.
    case .mapKey, .mapValue, .readableMemory, .readableMemoryOrNull, .readableFixedMemory:
      return size <= limit && (size == 0 || permits(value, Int(size), isWrite: false))
    case .writableMemory, .writableMemoryOrNull, .newMapValue:
      return size <= limit && (size == 0 || permits(value, Int(size), isWrite: true))
    case .fixedMemory:
      return size <= limit && permits(value, Int(size), isWrite: false)
        && permits(value, Int(size), isWrite: true)
    }
  }
}

/// r1 to r5 of a call.
struct HelperArguments {
  var values: InlineArray<5, UInt64>

  subscript(_ position: Int) -> UInt64 { values[position] }
}

extension PackedSignature.Kind {
  /// Bytes that a memory argument covers.
  fileprivate func byteCount(map: UInt64, next: UInt64, fixed: UInt64) -> UInt64 {
    switch self {
    case .mapKey:
      map == 0 ? 0 : unsafe MapHeader.withWords(at: map) { unsafe UInt64($0.keySize) }
    case .mapValue, .newMapValue, .mapValueOrNull:
      map == 0 ? 0 : unsafe MapHeader.withWords(at: map) { unsafe UInt64($0.valueSize) }
    case .readableMemory, .readableMemoryOrNull, .writableMemory, .writableMemoryOrNull:
      // Sizes are 32-bit in Linux's signatures.
      next
    case .fixedMemory, .readableFixedMemory: fixed
    case .anything, .context, .map, .size, .sizeOrZero, .function, .socket, .reservation: 0
    }
  }
}
