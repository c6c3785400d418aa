// UNSAFE. Values that lie side by side, found by index.
//
// Invariant: keys are four readable bytes and values as many as the operation says, which callers
// guarantee (MapHandle by its buffers, helpers by their signature).

/// ARRAY and PERCPU_ARRAY: all keys exist, zeroed, for ever (maps-and-helpers.md 11.1 and 11.4).
///
/// Programs read and write values where they are, at the same time as updates do: a reader may see
/// a value half written, as in Linux. A per-CPU map has one copy of all values per possible CPU.
package final class ArrayMap: Map, @unchecked Sendable {
  // Sendable: the memory is shared with running programs by design, nothing else is mutable.

  private let memory: StableMemory
  private let values: ValueGrid
  private let layout: ValueLayout

  init(definition: MapDefinition, id: UInt32, possibleCPUs: Int) throws(LinuxError) {
    try Self.check(definition)
    let stride = definition.paddedValueSize
    let copies = definition.type.isPerCPU ? possibleCPUs : 1
    // Copies fill whole cache lines, so that CPUs do not share any.
    let (product, overflow) = stride.multipliedReportingOverflow(by: Int(definition.maxEntries))
    guard !overflow, let copyStride = product.rounded(upTo: StableMemory.alignment) else {
      throw .noMemory
    }
    let (byteCount, tooLarge) = copyStride.multipliedReportingOverflow(by: copies)
    guard !tooLarge else { throw .noMemory }
    memory = try StableMemory(byteCount: byteCount)
    values = ValueGrid(
      base: memory.address, stride: UInt64(stride), count: UInt64(definition.maxEntries),
      valueSize: Int(definition.valueSize), copyStride: UInt64(copyStride), copies: copies)
    layout = ValueLayout(definition)
    try super.init(definition: definition, id: id)
    unsafe header.words.pointee.base = values.base
    unsafe header.words.pointee.count = definition.maxEntries
    unsafe header.words.pointee.stride = values.stride
    unsafe header.words.pointee.copyStride = copies > 1 ? values.copyStride : 0
  }

  private static func check(_ definition: MapDefinition) throws(LinuxError) {
    let isPerCPU = definition.type.isPerCPU
    var accepted: MapFlags = [.readOnly, .writeOnly, .readOnlyForPrograms, .writeOnlyForPrograms]
    if !isPerCPU { accepted.formUnion([.numaNode, .memoryMappable, .innerMap]) }
    guard definition.keySize == 4, definition.valueSize > 0, definition.maxEntries > 0,
      definition.extra == 0, definition.flags.isSubset(of: accepted),
      definition.flags.permitSomething
    else { throw .invalid }
    let limit = isPerCPU ? MapLimits.perCPUValueSize : Int(Int32.max)
    let size = isPerCPU ? definition.paddedValueSize : Int(definition.valueSize)
    guard size <= limit else { throw .tooBig }
  }

  private func index(_ key: UnsafeRawPointer) -> UInt64? {
    let index = unsafe key.loadUnaligned(as: UInt32.self)
    return index < definition.maxEntries ? UInt64(index) : nil
  }

  /// The index that an update may write; an error otherwise.
  private func target(
    _ key: UnsafeRawPointer, _ flags: UpdateFlags
  ) -> Result<UInt64, LinuxError> {
    let isLockable = layout.hasLock || flags.rawValue & UpdateFlags.lock.rawValue == 0
    let rest = flags.rawValue & ~UpdateFlags.lock.rawValue
    guard rest <= UpdateFlags.mustExist.rawValue else { return .failure(.invalid) }
    guard let index = unsafe index(key) else { return .failure(.tooBig) }
    guard rest != UpdateFlags.mustNotExist.rawValue else { return .failure(.exists) }
    return isLockable ? .success(index) : .failure(.invalid)
  }

  /// Where compiled code finds the values.
  var valueArray: CompilationUnit.ValueArray {
    CompilationUnit.ValueArray(
      base: values.base, stride: values.stride,
      copyStride: values.copies > 1 ? values.copyStride : 0, count: definition.maxEntries)
  }

  // MARK: From programs

  package override func element(
    forKey key: UnsafeRawPointer, cpuIndex: Int
  ) -> UnsafeMutableRawPointer? {
    guard let index = unsafe index(key) else { return nil }
    return unsafe values.pointer(index, cpuIndex: values.copies > 1 ? cpuIndex : 0)
  }

  package override func update(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags, cpuIndex: Int
  ) -> LinuxError? {
    switch unsafe target(key, flags) {
    case .failure(let error): return error
    case .success(let index):
      let cpuIndex = values.copies > 1 ? cpuIndex : 0
      let target = unsafe GuestMemory.address(values.pointer(index, cpuIndex: cpuIndex))
      let value = unsafe GuestMemory.address(value)
      if flags.rawValue & UpdateFlags.lock.rawValue == 0 {
        layout.copy(value, to: target)
      } else {
        layout.copyLocked(value, to: target)
      }
      return nil
    }
  }

  package override func valueContains(address: UInt64, count: Int) -> Bool {
    values.contains(address, count)
  }

  package override func element(
    containing address: UInt64
  ) -> (key: [UInt8], value: UInt64)? {
    guard values.copies == 1, values.contains(address, 1) else { return nil }
    let index = (address &- values.base) / values.stride
    let key = (0..<4).map { UInt8(truncatingIfNeeded: index &>> UInt64($0 &* 8)) }
    return (key, values.base &+ index &* values.stride)
  }

  package override var valueAddresses: Range<UInt64> { values.addresses }

  package override var directValueAddress: UInt64? {
    definition.maxEntries == 1 && definition.type == .array ? values.base : nil
  }

  // MARK: From user space

  package override var userValueSize: Int {
    definition.type.isPerCPU ? Int(values.stride) * values.copies : valueSize
  }

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer, isLocked: Bool
  ) -> LinuxError? {
    guard let index = unsafe index(key) else { return .noEntry }
    guard definition.type.isPerCPU else {
      unsafe layout.read(
        GuestMemory.address(values.pointer(index)), to: GuestMemory.address(value),
        isLocked: isLocked)
      return nil
    }
    let size = userValueSize / values.copies
    for copy in 0..<values.copies {
      unsafe (value + copy * size)
        .copyMemory(from: values.pointer(index, cpuIndex: copy), byteCount: size)
    }
    return nil
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    guard definition.type.isPerCPU else {
      return unsafe update(key: key, value: value, flags: flags, cpuIndex: 0)
    }
    switch unsafe target(key, flags) {
    case .failure(let error): return error
    case .success(let index):
      let size = userValueSize / values.copies
      for copy in 0..<values.copies {
        unsafe values.pointer(index, cpuIndex: copy)
          .copyMemory(from: value + copy * size, byteCount: size)
      }
      return nil
    }
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    unsafe nextIndex(after: key, into: next)
  }
}
