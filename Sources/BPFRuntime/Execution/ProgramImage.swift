// UNSAFE. Owns a program's decoded instructions and the tables that go with them.
//
// Invariant: header, code and tables are written here once and never change afterwards, except the
// counters, of which each CPU owns a part of its own.

import BPFInstructions
import Synchronization

/// A program as the interpreter executes it; of a compiled one, only what its services ask for.
@safe
struct ProgramImage: ~Copyable, Sendable {
  private let code: StableMemory
  private let tables: StableMemory
  private let counters: StableMemory
  private let cpuCount: Int
  /// For every decoded instruction, its slot.
  private let slots: [UInt32]
  /// The slots of the tail calls, in order.
  let tailCallSites: [Int]

  /// Address of the first decoded instruction.
  var entry: UInt64 { code.address &+ UInt64(ImageHeader.byteCount) }

  /// Where the decoded instructions are.
  var codeAddresses: Range<UInt64> { entry..<code.address &+ UInt64(code.byteCount) }

  /// Address of the words in front of it.
  var header: UInt64 { code.address }

  /// - Parameter isInterpreted: Whether the instructions are executed from here.
  init(
    _ decoded: DecodedProgram, type: ProgramType, maps: [Map], programID: UInt32, cpuCount: Int,
    isInterpreted: Bool
  ) throws(LinuxError) {
    precondition(MemoryLayout<DecodedInstruction>.stride == DecodedInstruction.byteCount)
    precondition(MemoryLayout<ImageHeader>.size == ImageHeader.byteCount)
    let count = isInterpreted ? decoded.instructions.count : 0
    let codeByteCount = count * DecodedInstruction.byteCount
    let code = try StableMemory(byteCount: ImageHeader.byteCount + codeByteCount)
    let regionsByteCount = maps.count * MemoryLayout<MapRegion>.stride
    let signatureStride = MemoryLayout<PackedSignature>.stride
    let tables = try StableMemory(
      byteCount: regionsByteCount + decoded.helpers.count * signatureStride)
    // A CPU's counters fill whole cache lines, so that CPUs do not share any.
    let stride = (decoded.tailCallSites.count * SiteCounters.byteCount + 63) & ~63
    let counters = try StableMemory(byteCount: stride * cpuCount)
    self.cpuCount = cpuCount
    slots = decoded.slots
    tailCallSites = decoded.tailCallSites

    let header = ImageHeader(
      maps: tables.address, signatures: tables.address &+ UInt64(regionsByteCount),
      contextRights: type.context.access.address,
      codeEnd: code.address &+ UInt64(ImageHeader.byteCount + codeByteCount),
      counters: counters.address, countersStride: UInt64(stride), mapCount: UInt32(maps.count),
      contextByteCount: UInt32(type.context.byteCount),
      descriptorOffset: type.context.hasPacket ? UInt32(type.context.descriptorOffset) : 0,
      programID: programID)
    unsafe code.base.initializeMemory(as: ImageHeader.self, to: header)
    Self.write(maps, decoded.helpers, into: tables)
    if isInterpreted {
      Self.write(decoded.relocated(to: code.address &+ UInt64(ImageHeader.byteCount)), into: code)
    }
    self.code = code
    self.tables = tables
    self.counters = counters
  }

  private static func write(
    _ instructions: [DecodedInstruction], into code: borrowing StableMemory
  ) {
    for (index, instruction) in instructions.enumerated() {
      let offset = ImageHeader.byteCount + index * DecodedInstruction.byteCount
      unsafe (code.base + offset)
        .initializeMemory(as: DecodedInstruction.self, to: instruction)
    }
  }

  private static func write(
    _ maps: [Map], _ helpers: [Helper], into tables: borrowing StableMemory
  ) {
    var position = unsafe tables.base
    for map in maps {
      let range = map.valueAddresses
      let region = MapRegion(
        low: range.lowerBound, high: range.upperBound, header: map.header.address)
      unsafe position.initializeMemory(as: MapRegion.self, to: region)
      unsafe position += MemoryLayout<MapRegion>.stride
    }
    for helper in helpers {
      unsafe position.initializeMemory(as: PackedSignature.self, to: PackedSignature(helper))
      unsafe position += MemoryLayout<PackedSignature>.stride
    }
  }

  /// The slot of the decoded instruction at an address; 0 when it is not in this image.
  func slot(at address: UInt64) -> Int {
    let index = Int(truncatingIfNeeded: (address &- entry) / UInt64(DecodedInstruction.byteCount))
    return slots.indices.contains(index) ? Int(slots[index]) : 0
  }

  /// The counters of all sites, summed over the CPUs.
  func counts() -> [TailCallCounts] {
    tailCallSites.indices.map { site in
      var total = TailCallCounts()
      for cpu in 0..<cpuCount { total = total + count(site: site, cpu: cpu) }
      return total
    }
  }

  private func count(site: Int, cpu: Int) -> TailCallCounts {
    let stride = counters.byteCount / max(cpuCount, 1)
    let base = counters.address &+ UInt64(cpu * stride + site * SiteCounters.byteCount)
    func read(_ offset: UInt64) -> UInt64 {
      unsafe GuestMemory.doubleWord(base &+ offset).pointee.load(ordering: .relaxed)
    }
    return TailCallCounts(
      taken: read(SiteCounters.takenOffset), empty: read(SiteCounters.emptyOffset),
      outOfRange: read(SiteCounters.outOfRangeOffset), limit: read(SiteCounters.limitOffset))
  }
}
