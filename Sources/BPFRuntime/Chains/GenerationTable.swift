// UNSAFE. The tables through which running programs find the slots of arrays.
//
// Invariant: a mapping lives as long as its object; words are atomics. A run reads the table that
// was current when it started, which the epochs keep until that run is over. An array's number
// names its word in every table that a run can hold.

import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where each array of programs has its slots, in one generation of the chains.
///
/// Word 0 is the number of the generation; the other words are the addresses of slots, by the
/// number of the array. The address space is reserved for as many arrays as there can be, because
/// a run that holds an old table may reach a program that was loaded later, with a newer array.
/// Pages cost memory only when they are touched.
@safe
final class GenerationTable: Sendable {
  /// Arrays of programs that a runtime can have at a time, and one.
  static let capacity = 1 << 16
  private static let byteCount = capacity * 8

  /// Address of word 0.
  let address: UInt64

  /// - Throws: ENOMEM.
  init() throws(LinuxError) {
    let block = unsafe mmap(
      nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
    guard let block = unsafe block, unsafe block != MAP_FAILED else { throw .noMemory }
    address = UInt64(UInt(bitPattern: block))
  }

  deinit {
    unsafe munmap(UnsafeMutableRawPointer(bitPattern: UInt(address)), Self.byteCount)
  }

  /// The number of the generation.
  var generation: UInt64 {
    get { self[0] }
    set { self[0] = newValue }
  }

  /// The address of an array's slots, by the number of the array.
  subscript(number: Int) -> UInt64 {
    get { unsafe word(number).pointee.load(ordering: .acquiring) }
    set { unsafe word(number).pointee.store(newValue, ordering: .releasing) }
  }

  private func word(_ number: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
    precondition((0..<Self.capacity).contains(number), "an array's number")
    return unsafe GuestMemory.doubleWord(address &+ UInt64(number) &* 8)
  }

  /// The number of the generation that a table at an address shows; 0 without a table.
  static func generation(at address: UInt64) -> UInt64 {
    guard address != 0 else { return 0 }
    return unsafe GuestMemory.doubleWord(address).pointee.load(ordering: .relaxed)
  }

  /// The address of an array's slots in the table at an address, by the offset that stands in the
  /// array's header.
  @inline(__always)
  static func slots(inTableAt address: UInt64, offset: UInt64) -> UInt64 {
    unsafe GuestMemory.doubleWord(address &+ offset).pointee.load(ordering: .acquiring)
  }
}

extension GenerationTable {
  /// The entry in slot 0 of an array, as a run with the table at an address sees it.
  @inline(__always)
  static func firstEntry(inTableAt address: UInt64, offset: UInt64) -> UInt64 {
    let slots = slots(inTableAt: address, offset: offset)
    return unsafe GuestMemory.doubleWord(slots).pointee.load(ordering: .acquiring)
  }
}

/// Tables that are used again, so that a transaction neither maps memory nor touches fresh pages.
final class TablePool: Sendable {
  private struct Tables {
    var free: [GenerationTable] = []
    var all: [ObjectIdentifier: GenerationTable] = [:]
  }

  /// Tables that wait for their next use: as many as transactions may replace while a run's thread
  /// is not scheduled.
  private static let kept = 64
  private let tables = Mutex(Tables())

  /// A table whose contents are anything.
  func take() throws(LinuxError) -> Lease {
    let free = tables.withLock { $0.free.popLast() }
    if let free { return Lease(free, self) }
    let table = try GenerationTable()
    tables.withLock { $0.all[ObjectIdentifier(table)] = table }
    return Lease(table, self)
  }

  private func give(_ table: GenerationTable) {
    tables.withLock { tables in
      if tables.free.count < Self.kept {
        tables.free.append(table)
      } else {
        tables.all[ObjectIdentifier(table)] = nil
      }
    }
  }

  /// Enters an array's slots in every table, those that runs hold among them.
  func enter(_ slots: UInt64, at number: Int) {
    tables.withLock { tables in
      for table in tables.all.values { table[number] = slots }
    }
  }

  /// A table in use: it goes back when nobody holds the lease, which the epochs do for the runs.
  final class Lease: Sendable {
    let table: GenerationTable
    private let pool: TablePool

    fileprivate init(_ table: GenerationTable, _ pool: TablePool) {
      self.table = table
      self.pool = pool
    }

    deinit { pool.give(table) }
  }
}
