// UNSAFE. Every access of a running program to memory goes through here.
//
// Invariant of unchecked runs: the program was proved to touch only its own memory.
// Invariant of checked runs: an access happens only after it was found inside the stack, the
// packet, a map value, a record that the program holds or, by the rights of its table, the context.

/// Whether a run tests its accesses: decided at compile time, so an unchecked run pays nothing.
protocol RunPolicy {
  static var isChecked: Bool { get }
}

/// Every access is tested.
enum CheckedRun: RunPolicy {
  @inline(__always) static var isChecked: Bool { true }
}

/// Nothing is tested.
enum UncheckedRun: RunPolicy {
  @inline(__always) static var isChecked: Bool { false }
}

/// The memory of one run, as its program may see it.
@safe
struct RunMemory<Policy: RunPolicy> {
  let cpu: RunningCPU
  let stackHigh: UInt64
  /// r10 of the frame that runs: the lowest bytes that a checked run may touch are the 512 below.
  /// The frames above belong to its callers, who may have passed addresses in them.
  var framePointer: UInt64
  /// The image of the program that runs now.
  var image: UnsafePointer<ImageHeader>

  init(cpu: RunningCPU, stackHigh: UInt64, framePointer: UInt64? = nil, entry: UInt64) {
    self.cpu = cpu
    self.stackHigh = stackHigh
    self.framePointer = framePointer ?? stackHigh
    unsafe image = Self.header(ofEntry: entry)
  }

  /// The header in front of a program's first instruction.
  @inline(__always)
  static func header(ofEntry entry: UInt64) -> UnsafePointer<ImageHeader> {
    let address = entry &- UInt64(ImageHeader.byteCount)
    return unsafe UnsafePointer(bitPattern: UInt(address)).unsafelyUnwrapped
  }

  /// Moves on to the program whose first instruction is at `entry`.
  @inline(__always)
  mutating func enter(_ entry: UInt64) {
    unsafe image = Self.header(ofEntry: entry)
  }

  /// Address of the first instruction of the program that runs now.
  @inline(__always)
  var entry: UInt64 { unsafe UInt64(UInt(bitPattern: image)) &+ UInt64(ImageHeader.byteCount) }

  /// The zero-extended integer at an address; `nil` after a fault.
  @inline(__always)
  func load<Value: FixedWidthInteger & UnsignedInteger>(
    _ type: Value.Type, at address: UInt64
  ) -> UInt64? {
    if Policy.isChecked {
      let size = MemoryLayout<Value>.size
      if !permits(address, size, isWrite: false) { return loadContext(address, size) }
    }
    return UInt64(truncatingIfNeeded: GuestMemory.load(address, as: Value.self))
  }

  /// Stores the low bytes of a value; `false` after a fault.
  @inline(__always)
  func store<Value: FixedWidthInteger>(
    _ value: UInt64, at address: UInt64, as type: Value.Type
  ) -> Bool {
    if Policy.isChecked {
      let size = MemoryLayout<Value>.size
      if !permits(address, size, isWrite: true) { return storeContext(value, address, type) }
    }
    GuestMemory.store(address, value, as: Value.self)
    return true
  }

  /// Whether an atomic update may happen; `false` after a fault.
  @inline(__always)
  func permitsAtomic(_ address: UInt64, _ size: Int) -> Bool {
    guard Policy.isChecked else { return true }
    guard address % UInt64(size) == 0 else {
      return fault(.misalignedAtomic, address, size)
    }
    guard permits(address, size, isWrite: true) else { return fault(.invalidWrite, address, size) }
    // Most of them yield what was there before.
    guard permits(address, size, isWrite: false) else { return fault(.invalidRead, address, size) }
    return true
  }
}

extension RunMemory {
  /// Moves to a fresh frame and zeroes it, so that a checked run never depends on an earlier one.
  @inline(never)
  mutating func enterFrame(_ pointer: UInt64) {
    framePointer = pointer
    guard let frame = unsafe GuestMemory.pointer(pointer &- UInt64(Limits.frameByteCount)) else {
      return
    }
    unsafe frame.initializeMemory(as: UInt8.self, repeating: 0, count: Limits.frameByteCount)
  }

  /// Notes why the run stops. Always `false`, so that checks read as one expression.
  @inline(never)
  func fault(_ code: FaultCode, _ address: UInt64, _ detail: Int = 0) -> Bool {
    unsafe cpu.words.pointee.faultCode = code.rawValue
    unsafe cpu.words.pointee.faultAddress = address
    unsafe cpu.words.pointee.faultDetail = UInt32(truncatingIfNeeded: detail)
    return false
  }

  /// Whether bytes belong to the stack, the packet or one map value.
  @inline(never)
  func permits(_ address: UInt64, _ size: Int, isWrite: Bool) -> Bool {
    let (end, overflow) = address.addingReportingOverflow(UInt64(size))
    guard !overflow else { return false }
    let stackLow = framePointer &- UInt64(Limits.frameByteCount)
    if address >= stackLow, end <= stackHigh { return true }
    if let packet = cpu.packet, address >= packet.metadata, end <= packet.end { return true }
    if let packet = cpu.packet, packet.notes.contains(.hasFlowKeys),
      address >= packet.flowKeys.lowerBound, end <= packet.flowKeys.upperBound
    {
      return true
    }
    if !isWrite, cpu.socketAddresses.contains(address), end <= cpu.socketAddresses.upperBound {
      return true
    }
    if !isWrite, BlankSocket.contains(address, end: end) { return true }
    return isInMapValue(address, size, isWrite: isWrite) || cpu.holds(address, size)
  }

  private func isInMapValue(_ address: UInt64, _ size: Int, isWrite: Bool) -> Bool {
    let count = unsafe Int(image.pointee.mapCount)
    let regions = unsafe UnsafePointer<MapRegion>(bitPattern: UInt(image.pointee.maps))
    guard let regions = unsafe regions else { return false }
    for index in 0..<count {
      let region = unsafe regions[index]
      guard address >= region.low, address < region.high else { continue }
      // Maps of maps answer for inner ones, wherever their values are.
      let isPermitted = unsafe MapHeader.withWords(at: region.header) { words in
        let isDenied = unsafe isWrite ? words.isReadOnlyForPrograms : words.isWriteOnlyForPrograms
        guard !isDenied else { return false }
        return MapHeader.withMap(at: region.header) {
          $0.valueContains(address: address, count: size)
        }
      }
      if isPermitted { return true }
    }
    return false
  }

  /// The context field at an address; `nil` after a fault.
  @inline(never)
  private func loadContext(_ address: UInt64, _ size: Int) -> UInt64? {
    let offset = address &- cpu.context
    let byteCount = unsafe UInt64(image.pointee.contextByteCount)
    guard offset < byteCount else {
      _ = fault(.invalidRead, address, size)
      return nil
    }
    let entry = unsafe ContextAccessTable.entry(
      table: image.pointee.contextRights, offset: offset, size: size)
    guard entry.isReadable else {
      _ = fault(.invalidContextRead, offset, size)
      return nil
    }
    if let word = entry.descriptorWord {
      let descriptor = unsafe cpu.context &+ UInt64(image.pointee.descriptorOffset)
      return GuestMemory.load(descriptor &+ word, as: UInt64.self)
    }
    switch size {
    case 1: return UInt64(GuestMemory.load(address, as: UInt8.self))
    case 2: return UInt64(GuestMemory.load(address, as: UInt16.self))
    case 4: return UInt64(GuestMemory.load(address, as: UInt32.self))
    default: return GuestMemory.load(address, as: UInt64.self)
    }
  }

  /// Stores into the context field at an address; `false` after a fault.
  @inline(never)
  private func storeContext<Value: FixedWidthInteger>(
    _ value: UInt64, _ address: UInt64, _ type: Value.Type
  ) -> Bool {
    let size = MemoryLayout<Value>.size
    let offset = address &- cpu.context
    let byteCount = unsafe UInt64(image.pointee.contextByteCount)
    guard offset < byteCount else { return fault(.invalidWrite, address, size) }
    let entry = unsafe ContextAccessTable.entry(
      table: image.pointee.contextRights, offset: offset, size: size)
    guard entry.isWritable else { return fault(.invalidContextWrite, offset, size) }
    if let kept = entry.kept(of: value) { GuestMemory.store(address, kept, as: Value.self) }
    return true
  }

  /// Whether a value is the address of one of the program's maps, or of a map in one of them.
  func isMap(_ value: UInt64) -> Bool {
    let count = unsafe Int(image.pointee.mapCount)
    let regions = unsafe UnsafePointer<MapRegion>(bitPattern: UInt(image.pointee.maps))
    guard let regions = unsafe regions else { return false }
    for index in 0..<count where unsafe regions[index].header == value { return true }
    for index in 0..<count
    where unsafe MapHeader.withMap(at: regions[index].header, { $0.holds(header: value) }) {
      return true
    }
    return false
  }
}
