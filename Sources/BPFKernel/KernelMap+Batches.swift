/// Many elements with one call of bpf(2).
extension KernelMap {
  /// Elements that were read, and where the next call goes on.
  public struct Batch: Sendable {
    /// The elements in the kernel's order.
    public var elements: [(key: [UInt8], value: [UInt8])]
    /// What the kernel wants to be given next; `nil` after the last element.
    public var cursor: [UInt8]?
  }

  /// Reads up to `limit` elements.
  ///
  /// - Parameters:
  ///   - cursor: What the call before this one gave; `nil` for the first one.
  ///   - deletes: Whether elements are removed as well.
  ///   - flags: 0 or `BPF_F_LOCK`.
  /// - Throws: ``KernelErrno`` as bpf(2) gives it, but `ENOENT`, which says that all were read.
  public func readBatch(
    after cursor: [UInt8]? = nil, limit: Int, deletes: Bool = false, flags: UInt64 = 0
  ) throws(KernelErrno) -> Batch {
    let (keySize, valueSize) = (Int(shape.keySize), shape.transferSize)
    let cursorSize = max(keySize, 4)
    var memory = Scratch(
      byteCounts: [cursorSize, cursorSize, keySize * limit, valueSize * limit])
    var attribute = Attribute()
    if let cursor { attribute.store(wide: memory.place(cursor).address, at: 0) }
    let next = memory.reserve(cursorSize)
    let (keys, values) = (memory.reserve(keySize * limit), memory.reserve(valueSize * limit))
    attribute.store(wide: next.address, at: 8)
    attribute.store(wide: keys.address, at: 16)
    attribute.store(wide: values.address, at: 24)
    storeBatch(&attribute, count: limit, flags: flags)
    var isLast = false
    do throws(KernelErrno) {
      _ = try attribute.perform(
        deletes ? .mapLookupAndDeleteBatch : .mapLookupBatch, with: memory)
    } catch .noEntry {
      isLast = true
    }
    let count = Int(attribute.load(at: Self.countOffset))
    let keyBytes = memory.bytes(of: keys, count: keySize * count)
    let valueBytes = memory.bytes(of: values, count: valueSize * count)
    let elements = (0..<count).map { index in
      (
        key: Array(keyBytes[index * keySize..<(index + 1) * keySize]),
        value: Array(valueBytes[index * valueSize..<(index + 1) * valueSize])
      )
    }
    return Batch(elements: elements, cursor: isLast ? nil : memory.bytes(of: next))
  }

  /// Writes elements one after the other.
  ///
  /// - Returns: How many were written, and what the next one came to.
  public func updateBatch(
    _ elements: [(key: [UInt8], value: [UInt8])], flags: UInt64 = 0
  ) -> (count: Int, errno: KernelErrno?) {
    change(elements.map(\.key), elements.map(\.value), flags, .mapUpdateBatch)
  }

  /// Removes elements one after the other.
  ///
  /// - Returns: How many were removed, and what the next one came to.
  public func deleteBatch(
    _ keys: [[UInt8]], flags: UInt64 = 0
  ) -> (count: Int, errno: KernelErrno?) {
    change(keys, [], flags, .mapDeleteBatch)
  }

  private static let countOffset = 32

  private func storeBatch(_ attribute: inout Attribute, count: Int, flags: UInt64) {
    attribute.store(UInt32(truncatingIfNeeded: count), at: Self.countOffset)
    attribute.store(descriptor, at: 36)
    attribute.store(wide: flags, at: 40)
  }

  private func change(
    _ keys: [[UInt8]], _ values: [[UInt8]], _ flags: UInt64, _ command: Command
  ) -> (count: Int, errno: KernelErrno?) {
    guard keys.allSatisfy({ $0.count == Int(shape.keySize) }),
      values.allSatisfy({ $0.count == shape.transferSize })
    else { return (0, .invalid) }
    let (keys, count) = (Array(keys.joined()), keys.count)
    let values = Array(values.joined())
    var memory = Scratch(byteCounts: [keys.count, values.count])
    var attribute = Attribute()
    attribute.store(wide: memory.place(keys).address, at: 16)
    attribute.store(wide: memory.place(values).address, at: 24)
    storeBatch(&attribute, count: count, flags: flags)
    do throws(KernelErrno) {
      _ = try attribute.perform(command, with: memory)
      return (Int(attribute.load(at: Self.countOffset)), nil)
    } catch {
      // A refusal of the call itself leaves the count as it was given.
      let done = Int(attribute.load(at: Self.countOffset))
      return (done < count ? done : 0, error)
    }
  }
}
