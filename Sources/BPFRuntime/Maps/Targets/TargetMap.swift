// UNSAFE. Maps that name devices or CPUs, as places where packets can be sent to.
//
// Invariant: a value is eight bytes of the table, which the map owns: a number, and that of a
// program, which is always 0. Where a number of 0 means that there is nothing, no element is found.

/// DEVMAP, DEVMAP_HASH and CPUMAP (maps-and-helpers.md 11.9 and 11.10): values that
/// `bpf_redirect_map` leads to. What becomes of such a packet is the hook's business.
///
/// A program behind a device or CPU cannot be given here: EINVAL.
package final class TargetMap: Map, @unchecked Sendable {
  // Sendable: the table is, nothing else changes.

  private let table: Map
  private let registry: Registry
  private let possibleCPUs: Int

  init(_ factory: MapFactory) throws(LinuxError) {
    let definition = factory.definition
    let isCPUMap = definition.type == .cpuMap
    let rights: MapFlags = isCPUMap ? [] : [.readOnly, .writeOnly]
    guard definition.keySize == 4, definition.valueSize == 4 || definition.valueSize == 8,
      definition.maxEntries > 0, definition.extra == 0,
      definition.flags.isSubset(of: rights.union(.numaNode))
    else { throw .invalid }
    // As many CPUs as the largest of Linux's kernels for this processor can have.
    if isCPUMap, definition.maxEntries > 8192 { throw .tooBig }
    var inner = factory
    inner.definition = MapDefinition(
      type: definition.type == .deviceHash ? .hash : .array, keySize: 4, valueSize: 8,
      maxEntries: definition.maxEntries)
    table = try inner.make()
    registry = factory.registry
    possibleCPUs = factory.possibleCPUs
    try super.init(definition: definition, id: factory.id)
  }

  private var isHash: Bool { definition.type == .deviceHash }

  /// The number behind a key; `nil` when there is none.
  func target(_ key: UnsafeRawPointer) -> UInt32? {
    guard let value = unsafe table.element(forKey: key, cpuIndex: 0) else { return nil }
    let number = unsafe value.load(as: UInt32.self)
    return isHash || number != 0 ? number : nil
  }

  // MARK: From programs

  package override func element(
    forKey key: UnsafeRawPointer, cpuIndex: Int
  ) -> UnsafeMutableRawPointer? {
    // Of the kinds here, programs can only look into those of devices.
    guard definition.type != .cpuMap, unsafe target(key) != nil else { return nil }
    return unsafe table.element(forKey: key, cpuIndex: 0)
  }

  package override func valueContains(address: UInt64, count: Int) -> Bool {
    count <= valueSize && table.valueContains(address: address, count: count)
      && table.valueContains(address: address, count: 8 - valueSize + count)
  }

  package override var valueAddresses: Range<UInt64> { table.valueAddresses }

  // MARK: From user space

  package override func lookup(
    key: UnsafeRawPointer, into value: UnsafeMutableRawPointer
  ) -> LinuxError? {
    var copy: UInt64 = 0
    let error = unsafe withUnsafeMutableBytes(of: &copy) { copy -> LinuxError? in
      guard let start = copy.baseAddress else { return .noEntry }
      return unsafe table.lookup(key: key, into: start)
    }
    guard error == nil, isHash || UInt32(truncatingIfNeeded: copy) != 0 else { return .noEntry }
    unsafe value.storeBytes(of: UInt32(truncatingIfNeeded: copy), as: UInt32.self)
    if valueSize == 8 { unsafe value.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self) }
    return nil
  }

  package override func updateFromUser(
    key: UnsafeRawPointer, value: UnsafeRawPointer, flags: UpdateFlags
  ) -> LinuxError? {
    let number = unsafe value.loadUnaligned(as: UInt32.self)
    let program =
      unsafe valueSize == 8 ? value.loadUnaligned(fromByteOffset: 4, as: Int32.self) : 0
    guard flags.rawValue <= UpdateFlags.mustExist.rawValue else { return .invalid }
    if let error = unsafe refusal(key, number, flags, hasProgram: program > 0) { return error }
    var copy = UInt64(number)
    return unsafe withUnsafeBytes(of: &copy) { copy -> LinuxError? in
      guard let start = copy.baseAddress else { return .invalid }
      // A device may be put where there is one, whatever the flags say of what has to be there.
      let flags = isHash && flags == .mustNotExist ? flags : .any
      return unsafe table.updateFromUser(key: key, value: start, flags: flags)
    }
  }

  private func refusal(
    _ key: UnsafeRawPointer, _ number: UInt32, _ flags: UpdateFlags, hasProgram: Bool
  ) -> LinuxError? {
    if !isHash {
      if unsafe key.loadUnaligned(as: UInt32.self) >= definition.maxEntries { return .tooBig }
      if flags == .mustNotExist { return .exists }
    }
    if definition.type == .cpuMap {
      // Packets that may wait for a CPU.
      if number > 16384 { return .valueTooLarge }
      if unsafe key.loadUnaligned(as: UInt32.self) >= possibleCPUs { return .noDevice }
      return hasProgram ? .invalid : nil
    }
    if number == 0, !isHash { return hasProgram ? .invalid : nil }
    return hasProgram || !registry.hasDevice(number) ? .invalid : nil
  }

  package override func deleteFromUser(key: UnsafeRawPointer) -> LinuxError? {
    if isHash { return unsafe table.deleteFromUser(key: key) }
    guard unsafe key.loadUnaligned(as: UInt32.self) < definition.maxEntries else {
      return .invalid
    }
    var zero: UInt64 = 0
    return unsafe withUnsafeBytes(of: &zero) { zero -> LinuxError? in
      guard let start = zero.baseAddress else { return .invalid }
      return unsafe table.updateFromUser(key: key, value: start, flags: .any)
    }
  }

  package override func nextKey(
    after key: UnsafeRawPointer?, into next: UnsafeMutableRawPointer
  ) -> LinuxError? {
    unsafe table.nextKey(after: key, into: next)
  }
}
