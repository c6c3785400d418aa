// UNSAFE. What compiled code calls where a line of machine code is not enough.
//
// Invariant: the caller is code that a compiler made for a program of this runtime; it passes the
// words of the CPU it runs on and the header of its own program's image.

/// Functions with C's calling convention, by address, and where the fields are that compiled code
/// reads by itself.
package enum CompiledServices {
  /// A tail call that did not go through at once: spent budget, empty slot, index out of range, or
  /// all of them when tail calls are written down.
  ///
  /// Takes the CPU, the array, the index, the number of the site and the program's header; returns
  /// the entry to jump to, or 0. The budget word is up to date before and after.
  package static var tailCall: UInt64 {
    unsafe address(unsafeBitCast(tailCallFunction, to: UInt.self))
  }

  /// A packet load (RFC 9669 section 5.5): takes the CPU, the size in bytes and the offset.
  /// Returns the value, or ``outsidePacket``.
  package static var loadPacket: UInt64 {
    unsafe address(unsafeBitCast(loadPacketFunction, to: UInt.self))
  }

  /// The helper behind a number that is only known now: takes the CPU, the value of the register,
  /// the program's header and the number of the decoded instruction. Returns the helper's address,
  /// or 0 after a fault.
  package static var resolveHelper: UInt64 {
    unsafe address(unsafeBitCast(resolveHelperFunction, to: UInt.self))
  }

  /// What ``loadPacket`` returns when the packet does not reach that far.
  package static let outsidePacket = UInt64.max

  private static func address(_ value: UInt) -> UInt64 { UInt64(value) }
}

private let tailCallFunction: @convention(c) (UInt64, UInt64, UInt64, UInt64, UInt64) -> UInt64 = {
  cpu, array, index, site, header in
  let running = RunningCPU(address: cpu)
  let memory = RunMemory<UncheckedRun>(
    cpu: running, stackHigh: 0, entry: header &+ UInt64(ImageHeader.byteCount))
  unsafe running.words.pointee.hopsLeft &+= running.words.pointee.budget
  unsafe running.words.pointee.budget = 0
  let entry = memory.takeTailCall(
    site: Int64(bitPattern: site), array: array, index: UInt32(truncatingIfNeeded: index))
  if unsafe running.words.pointee.startBudget != 0 {
    unsafe running.words.pointee.budget = running.words.pointee.hopsLeft
    unsafe running.words.pointee.hopsLeft = 0
  }
  return entry ?? 0
}

private let loadPacketFunction: @convention(c) (UInt64, UInt64, UInt64) -> UInt64 = {
  cpu, size, offset in
  RunningCPU(address: cpu).loadPacket(
    size: UInt8(truncatingIfNeeded: size), offset: Int64(bitPattern: offset))
    ?? CompiledServices.outsidePacket
}

private let resolveHelperFunction: @convention(c) (UInt64, UInt64, UInt64, UInt64) -> UInt64 = {
  cpu, value, header, position in
  let memory = RunMemory<UncheckedRun>(
    cpu: RunningCPU(address: cpu), stackHigh: 0, entry: header &+ UInt64(ImageHeader.byteCount))
  if let helper = memory.plainHelper(value) {
    return unsafe UInt64(unsafeBitCast(helper, to: UInt.self))
  }
  _ = memory.fault(.invalidCallTarget, value)
  memory.noteFaultPosition(memory.entry &+ position &* UInt64(DecodedInstruction.byteCount))
  return 0
}

extension RunMemory {
  /// The helper that `callx` reaches through a number, if the value is one.
  fileprivate func plainHelper(_ value: UInt64) -> Helper.Function? {
    guard let number = Int32(exactly: value), number > 0 else { return nil }
    let programID = unsafe image.pointee.programID
    let helper = cpu.withOwner { $0.helper(number, ofProgram: programID) }
    guard let helper, helper.arguments.allSatisfy({ $0 == .anything }) else { return nil }
    return helper.function
  }
}

extension CompiledServices {
  /// The helpers that a compiler may do itself, as they stand in calls.
  package static let mapLookup = unsafe address(
    unsafeBitCast(Helper.mapLookup.function, to: UInt.self))
  package static let mapUpdate = unsafe address(
    unsafeBitCast(Helper.mapUpdate.function, to: UInt.self))
  package static let mapDelete = unsafe address(
    unsafeBitCast(Helper.mapDelete.function, to: UInt.self))
  /// The number of the CPU is in its words, at ``processorOffset``.
  package static let processorID = unsafe address(
    unsafeBitCast(Helper.processorID.function, to: UInt.self))
  /// Offset of the number of the CPU, four bytes.
  package static let processorOffset = unsafe offset(of: \.index)
  /// Offset of the hops that are left, four bytes, which compiled code keeps in a register between
  /// calls; behind it are those that are counted in memory.
  package static let budgetOffset = unsafe offset(of: \.budget)
  /// Offset of the hops that are counted in memory, four bytes.
  package static let hopsLeftOffset = unsafe offset(of: \.hopsLeft)
  /// Offset of eight bytes that are 0 after a run whose end needs no closer look.
  package static let remainsOffset = Int32(RunningCPU.remainsOffset)
  /// Offset of the address just above the stack.
  package static let stackTopOffset = unsafe offset(of: \.stackTop)
  /// Offset of what ``budgetOffset`` is at the start of a run.
  package static let startBudgetOffset = unsafe offset(of: \.startBudget)
  /// Offset of the packet descriptor's address.
  package static let packetOffset = unsafe offset(of: \.packet)
  /// Offset of a byte that is not 0 after a fault.
  package static let faultOffset = unsafe offset(of: \.faultCode)
  /// Offset of the context's address.
  package static let contextOffset = unsafe offset(of: \.context)
  /// Offset of a word for the address of the return address of the run, to leave from any depth
  /// after a fault.
  package static let entryStackOffset = unsafe offset(of: \.entryStack)
  /// Offset of the frame pointer that code stores before it calls a helper that calls back.
  package static let callerFrameOffset = unsafe offset(of: \.caller.framePointer)

  /// Offset of the address of the table that the run finds the slots of arrays by.
  package static let generationOffset = unsafe offset(of: \.generation)

  private static func offset<Value>(of field: KeyPath<RunningCPU.Words, Value>) -> Int32 {
    guard let offset = unsafe MemoryLayout<RunningCPU.Words>.offset(of: field) else {
      preconditionFailure("a stored field has an offset")
    }
    return Int32(truncatingIfNeeded: offset)
  }

  /// Offset, in the words behind a map's address, of the eight bytes that say where the table of a
  /// generation has the address of an array's slots.
  package static let tableOffsetOffset: Int32 = unsafe mapOffset(of: \.base)
  /// The number of slots, four bytes.
  package static let slotCountOffset: Int32 = unsafe mapOffset(of: \.count)

  private static func mapOffset<Value>(of field: KeyPath<MapHeader.Words, Value>) -> Int32 {
    guard let offset = unsafe MemoryLayout<MapHeader.Words>.offset(of: field) else {
      preconditionFailure("a stored field has an offset")
    }
    return Int32(truncatingIfNeeded: offset)
  }
}
