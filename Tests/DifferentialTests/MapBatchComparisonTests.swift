import BPFKernel
import BPFRuntime
import TestSupport
import Testing

@Suite("Batches of elements against Linux", .serialized)
struct MapBatchComparisonTests {
  /// One map here and its like in Linux.
  private struct Pair {
    let ours: MapHandle
    let linux: KernelMap

    init(_ shape: MapShape) throws {
      ours = try Runtime(possibleCPUs: Kernel.possibleCPUCount).makeMap(MapDefinition(shape))
      linux = try KernelMap(KernelMap.Shape(shape), types: try KernelMap.Types(shape))
    }

    func update(_ elements: [Element], flags: UInt64 = 0) -> (Change, Change) {
      var own = Change(count: elements.count, errno: 0)
      do throws(MapBatchError) {
        try ours.updateBatch(
          elements.map { MapBatch.Element(key: $0.key, value: $0.value) },
          flags: UpdateFlags(rawValue: flags))
      } catch {
        own = Change(count: error.count, errno: error.error.rawValue)
      }
      return (own, Change(linux.updateBatch(elements, flags: flags)))
    }

    func delete(_ keys: [[UInt8]]) -> (Change, Change) {
      var own = Change(count: keys.count, errno: 0)
      do throws(MapBatchError) {
        try ours.deleteBatch(keys)
      } catch {
        own = Change(count: error.count, errno: error.error.rawValue)
      }
      return (own, Change(linux.deleteBatch(keys)))
    }

    /// All elements, batch by batch, in both.
    func read(limit: Int, deletes: Bool, flags: UInt64 = 0) -> (Reading, Reading) {
      var (own, theirs) = (Reading(), Reading())
      do throws(LinuxError) {
        var cursor: MapBatch.Cursor?
        let flags = UpdateFlags(rawValue: flags)
        repeat {
          let batch =
            try deletes
            ? ours.lookupAndDeleteBatch(after: cursor, limit: limit, flags: flags)
            : ours.lookupBatch(after: cursor, limit: limit, flags: flags)
          own.add(batch.elements.map { ($0.key, $0.value) }, limit)
          cursor = batch.cursor
        } while cursor != nil
      } catch {
        own.errno = error.rawValue
      }
      do throws(KernelErrno) {
        var cursor: [UInt8]?
        repeat {
          let batch = try linux.readBatch(
            after: cursor, limit: limit, deletes: deletes, flags: flags)
          theirs.add(batch.elements, limit)
          cursor = batch.cursor
        } while cursor != nil
      } catch {
        theirs.errno = error.rawValue
      }
      return (own, theirs)
    }
  }

  private typealias Element = (key: [UInt8], value: [UInt8])

  private struct Change: Equatable {
    var count: Int
    var errno: Int32

    init(count: Int, errno: Int32) {
      self.count = count
      self.errno = errno
    }

    init(_ change: (count: Int, errno: KernelErrno?)) {
      self.init(count: change.count, errno: change.errno?.rawValue ?? 0)
    }
  }

  private struct Reading: Equatable {
    /// Keys with their values, in ascending order: hashes have an order of their own.
    var elements: [[UInt8]] = []
    var errno: Int32 = 0

    mutating func add(_ more: [Element], _ limit: Int) {
      if more.count > limit { errno = -1 }
      elements += more.map { $0.key + $0.value }
      elements.sort { $0.lexicographicallyPrecedes($1) }
    }
  }

  private static let shapes = [
    MapShape(2, entries: 50), MapShape(6, value: 5, entries: 50), MapShape(1, entries: 50),
    MapShape(1, key: 11, value: 3, entries: 50, flags: 1), MapShape(5, value: 12, entries: 50),
    MapShape(9, entries: 4096), MapShape(10, entries: 4096),
    MapShape(11, key: 8, entries: 50, flags: 1), MapShape(2, value: 16, entries: 50, lock: 4),
    MapShape(1, value: 16, entries: 50, lock: 8), MapShape(1, value: 24, entries: 50, timer: 8),
  ]

  private static func elements(_ shape: MapShape, _ count: Int, from first: Int = 0) -> [Element] {
    (first..<first + count).map { index in
      let number = bytes(UInt32(index))
      let key =
        shape.type == 11
        ? bytes(UInt32(32)) + number
        : number + [UInt8](repeating: 7, count: Int(shape.keySize) - 4)
      let size = Int(shape.valueSize)
      let copies = shape.isPerCPU ? Kernel.possibleCPUCount : 1
      let padded = shape.isPerCPU ? (size + 7) & ~7 : size
      let value = (0..<padded).map { $0 < size ? UInt8(truncatingIfNeeded: index + $0) : 0 }
      return (key, Array(repeatElement(value, count: copies).joined()))
    }
  }

  @Test(
    "what is written in batches is read and removed in batches", .requiresKernel, arguments: shapes)
  func roundTrip(shape: MapShape) throws {
    let pair = try Pair(shape)
    #expect(pair.read(limit: 10, deletes: false).0 == pair.read(limit: 10, deletes: false).1)
    let written = pair.update(Self.elements(shape, 40))
    #expect(written.0 == written.1)
    #expect(written.0 == Change(count: 40, errno: 0))
    for limit in [16, 40, 41, 50, 5000] {
      let (own, theirs) = pair.read(limit: limit, deletes: false)
      #expect(own == theirs, "\(limit)")
      #expect(own.elements.count == (shape.type == 2 || shape.type == 6 ? 50 : 40))
    }
    let keys = Self.elements(shape, 40).map(\.key)
    // The third one is there twice.
    let removed = pair.delete([keys[0], keys[3], keys[3], keys[4]])
    #expect(removed.0 == removed.1)
    let (own, theirs) = pair.read(limit: 64, deletes: true)
    #expect(own == theirs)
    let rest = pair.read(limit: 64, deletes: false)
    #expect(rest.0 == rest.1)
  }

  @Test(
    "a batch stops where Linux stops, and counts what it did", .requiresKernel, arguments: shapes)
  func failures(shape: MapShape) throws {
    let pair = try Pair(shape)
    // More than fit, but into LRU maps, which take what comes.
    if shape.type != 9, shape.type != 10 {
      let written = pair.update(Self.elements(shape, 20, from: 40))
      #expect(written.0 == written.1)
      let full = pair.update(Self.elements(shape, 60))
      #expect(full.0 == full.1)
    }
    for flags in [1, 2, 3, 4, 5, 8, .max] as [UInt64] {
      let written = pair.update(Self.elements(shape, 3), flags: flags)
      #expect(written.0 == written.1, "update \(flags)")
      for deletes in [false, true] {
        let (own, theirs) = pair.read(limit: 100, deletes: deletes, flags: flags)
        #expect(own == theirs, "read \(flags) \(deletes)")
      }
    }
    let none = pair.delete([])
    #expect(none.0 == none.1)
  }

  @Test("kinds without batches have none", .requiresKernel)
  func unsupported() throws {
    for shape in [
      MapShape(22, key: 0), MapShape(23, key: 0), MapShape(30, key: 0), MapShape(3, value: 4),
      MapShape(4, value: 4), MapShape(7), MapShape(8, value: 4), MapShape(14, value: 4),
      MapShape(15, value: 4), MapShape(16, value: 4), MapShape(17, value: 4),
      MapShape(18, value: 4), MapShape(25, value: 4),
    ] {
      let pair = try Pair(shape)
      let key = [UInt8](repeating: 0, count: Int(shape.keySize))
      let value = [UInt8](repeating: 0, count: Int(shape.valueSize))
      for deletes in [false, true] {
        let (own, theirs) = pair.read(limit: 4, deletes: deletes)
        #expect(own == theirs, "\(shape) \(deletes)")
      }
      let written = pair.update([(key, value)])
      #expect(written.0 == written.1, "\(shape)")
      let removed = pair.delete([key])
      #expect(removed.0 == removed.1, "\(shape)")
    }
  }

  @Test("frozen maps and one-way maps refuse batches as Linux does", .requiresKernel)
  func rights() throws {
    for shape in [MapShape(1), MapShape(1, flags: 8), MapShape(1, flags: 16)] {
      let pair = try Pair(shape)
      if shape.flags == 0 {
        _ = pair.update(Self.elements(shape, 2))
        try pair.ours.freeze()
        try pair.linux.freeze()
      }
      let written = pair.update(Self.elements(shape, 2))
      #expect(written.0 == written.1, "\(shape)")
      let removed = pair.delete(Self.elements(shape, 2).map(\.key))
      #expect(removed.0 == removed.1, "\(shape)")
      for deletes in [false, true] {
        let (own, theirs) = pair.read(limit: 10, deletes: deletes)
        #expect(own == theirs, "\(shape) \(deletes)")
      }
    }
  }
}
