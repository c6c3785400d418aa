// UNSAFE. Tail calls, indirect calls and packet loads of the interpreter.
//
// Relies on the invariants of RunMemory, of MapHeader (r2 is a map's header) and of program slots
// (a slot holds 0 or the address of the first instruction of a program that outlives the run).

import BPFInstructions
import Synchronization

/// What an indirect call leads to.
enum CallTarget {
  case subprogram(UInt64)
  case helper(Int32)
}

/// What a legacy packet load found.
enum PacketLoad {
  case value(UInt64)
  /// The offset is outside the packet: the frame returns 0 (RFC 9669 section 5.5).
  case outside
  case fault
}

/// The code behind a helper's address.
@inline(__always)
func helper(at address: Int64) -> Helper.Function {
  unsafe unsafeBitCast(UInt(truncatingIfNeeded: address), to: Helper.Function.self)
}

extension Interpreter {
  /// `r0 = 0; exit`, where a packet load outside the packet continues.
  static var exitWithZero: CodePointer { CodePointer(address: exitStub.address) }
}

private let exitStub: StableMemory = {
  guard let memory = try? StableMemory(byteCount: 2 * DecodedInstruction.byteCount) else {
    fatalError("no memory for two instructions")
  }
  let zero = DecodedInstruction(
    operation: .move64Immediate, destination: 0, source: 0, offset: 0, immediate: 0)
  let exit = DecodedInstruction(
    operation: .exit, destination: 0, source: 0, offset: 0, immediate: 0)
  unsafe memory.base.initializeMemory(as: DecodedInstruction.self, to: zero)
  unsafe (memory.base + DecodedInstruction.byteCount)
    .initializeMemory(as: DecodedInstruction.self, to: exit)
  return memory
}()

extension RunMemory {
  /// Whether a checked run may tail-call with these in r1 and r2 (tail-calls.md R1.2, R1.3).
  @inline(never)
  func permitsTailCall(context: UInt64, array: UInt64) -> Bool {
    guard context == cpu.context else { return fault(.tailCallWithoutContext, context) }
    guard isMap(array), unsafe MapHeader.withWords(at: array, { unsafe $0.isProgramArray }) else {
      return fault(.tailCallWithoutArray, array)
    }
    return true
  }

  /// Tries to hop: bounds, budget, slot, in this order (tail-calls.md R1.12).
  ///
  /// Only a successful hop is counted against the budget (R2.3).
  ///
  /// - Returns: The first instruction of the target, or `nil` when the call falls through (R1.8).
  @inline(__always)
  func takeTailCall(site: Int64, array: UInt64, index: UInt32) -> UInt64? {
    let counters =
      unsafe image.pointee.counters
      &+ UInt64(cpu.words.pointee.index) &* image.pointee.countersStride
      &+ UInt64(bitPattern: site) &* UInt64(SiteCounters.byteCount)
    return unsafe MapHeader.withWords(at: array) { words in
      guard unsafe index < words.count else {
        return missed(counters &+ SiteCounters.outOfRangeOffset, .outOfRange, site, array, index)
      }
      guard unsafe cpu.words.pointee.hopsLeft > 0 else {
        return missed(counters &+ SiteCounters.limitOffset, .limit, site, array, index)
      }
      let slots = unsafe GenerationTable.slots(
        inTableAt: cpu.words.pointee.generation, offset: words.base)
      let slot = unsafe GuestMemory.doubleWord(slots &+ UInt64(index) &* 8)
      let entry = unsafe slot.pointee.load(ordering: .acquiring)
      guard entry != 0 else {
        return missed(counters &+ SiteCounters.emptyOffset, .empty, site, array, index)
      }
      unsafe cpu.words.pointee.hopsLeft &-= 1
      increment(counters &+ SiteCounters.takenOffset)
      if unsafe cpu.words.pointee.tailCallLog != 0 {
        log(.taken, site: site, array: array, index: index, target: entry)
      }
      return entry
    }
  }

  @inline(never)
  private func missed(
    _ counter: UInt64, _ outcome: TailCallOutcome, _ site: Int64, _ array: UInt64, _ index: UInt32
  ) -> UInt64? {
    increment(counter)
    if unsafe cpu.words.pointee.tailCallLog != 0 {
      log(outcome, site: site, array: array, index: index, target: 0)
    }
    cpu.withOwner { owner in
      owner.tellMiss { record(outcome, site: site, array: array, index: index, target: 0) }
    }
    return nil
  }

  @inline(__always)
  private func increment(_ counter: UInt64) {
    let cell = unsafe GuestMemory.doubleWord(counter)
    let value = unsafe cell.pointee.load(ordering: .relaxed)
    unsafe cell.pointee.store(value &+ 1, ordering: .relaxed)
  }

  @inline(never)
  private func log(
    _ outcome: TailCallOutcome, site: Int64, array: UInt64, index: UInt32, target: UInt64
  ) {
    let log = unsafe TailCallLog(address: cpu.words.pointee.tailCallLog)
    log.append(record(outcome, site: site, array: array, index: index, target: target))
  }

  private func record(
    _ outcome: TailCallOutcome, site: Int64, array: UInt64, index: UInt32, target: UInt64
  ) -> TailCallRecord {
    let mapID = MapHeader.withMap(at: array) { $0.id }
    let targetID = target == 0 ? 0 : ImageHeader.programID(atEntry: target)
    return unsafe TailCallRecord(
      programID: image.pointee.programID, site: UInt32(truncatingIfNeeded: site),
      arrayID: mapID, index: index, outcome: outcome, targetID: targetID,
      hop: Limits.tailCalls &- cpu.words.pointee.hopsLeft,
      generation: GenerationTable.generation(at: cpu.words.pointee.generation))
  }

  /// What `callx` with this value in its register leads to; `nil` after a fault.
  ///
  /// A function address comes from a wide immediate (pseudo source 4). A small number is that of a
  /// helper.
  @inline(never)
  func callTarget(_ value: UInt64) -> CallTarget? {
    if isFunction(value) { return .subprogram(value) }
    if let number = Int32(exactly: value), number > 0 {
      return .helper(number)
    }
    _ = fault(.invalidCallTarget, value)
    return nil
  }

  /// Whether a value is the address of one of the program's instructions.
  func isFunction(_ value: UInt64) -> Bool {
    let end = unsafe image.pointee.codeEnd
    return value >= entry && value < end
      && (value &- entry) % UInt64(DecodedInstruction.byteCount) == 0
  }

  /// Calls a helper by a number that is only known now; `nil` after a fault.
  @inline(never)
  func callHelper(
    _ number: Int32, _ r1: UInt64, _ r2: UInt64, _ r3: UInt64, _ r4: UInt64, _ r5: UInt64
  ) -> UInt64? {
    let programID = unsafe image.pointee.programID
    let helper = cpu.withOwner { $0.helper(number, ofProgram: programID) }
    // The signature was not packed with the image, so only helpers that take plain values may be
    // called this way.
    guard let helper, helper.arguments.allSatisfy({ $0 == .anything }) else {
      _ = fault(.invalidCallTarget, UInt64(truncatingIfNeeded: number))
      return nil
    }
    return helper.function(r1, r2, r3, r4, r5, cpu.address)
  }

  /// A big-endian integer from the packet, zero-extended (RFC 9669 section 5.5).
  ///
  /// Offsets from -0x100000 on are relative to the network header, from -0x200000 on to the link
  /// header, as in Linux.
  @inline(never)
  func loadPacket(size: UInt8, context: UInt64, offset: Int64) -> PacketLoad {
    guard !Policy.isChecked || context == cpu.context else {
      _ = fault(.packetLoadWithoutContext, context)
      return .fault
    }
    guard let value = cpu.loadPacket(size: size, offset: offset) else { return .outside }
    return .value(value)
  }
}

extension RunningCPU {
  /// A big-endian integer from the packet, zero-extended; `nil` when it is not inside.
  func loadPacket(size: UInt8, offset: Int64) -> UInt64? {
    guard let packet else { return nil }
    let relative = Int64(Int32(truncatingIfNeeded: offset))
    let start: UInt64
    switch relative {
    case 0...: start = packet.data &+ UInt64(relative)
    case (-0x100000)..<0: start = packet.networkHeader &+ UInt64(bitPattern: relative &+ 0x100000)
    case (-0x200000)..<(-0x100000):
      start = packet.linkHeader &+ UInt64(bitPattern: relative &+ 0x200000)
    default: return nil
    }
    guard start >= packet.bufferStart, start <= packet.end,
      packet.end &- start >= UInt64(size)
    else { return nil }
    switch size {
    case 1: return UInt64(GuestMemory.load(start, as: UInt8.self))
    case 2: return UInt64(GuestMemory.load(start, as: UInt16.self).bigEndian)
    default: return UInt64(GuestMemory.load(start, as: UInt32.self).bigEndian)
    }
  }
}

extension RunMemory {
  /// Counts one executed instruction; `false` after a fault when there were too many.
  @inline(__always)
  func countInstruction() -> Bool {
    let left = unsafe cpu.words.pointee.instructionsLeft
    guard left > 0 else { return fault(.instructionLimit, 0) }
    unsafe cpu.words.pointee.instructionsLeft = left &- 1
    return true
  }

  /// Notes where the run stopped.
  func noteFaultPosition(_ address: UInt64) {
    unsafe cpu.words.pointee.faultPosition = address
    unsafe cpu.words.pointee.faultProgram = image.pointee.programID
  }
}
