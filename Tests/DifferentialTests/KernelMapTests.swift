import BPFKernel
import TestSupport
import Testing

/// Linux's answers to map operations, which our own maps are compared with.
@Suite("Maps of the kernel", .requiresKernel)
struct KernelMapTests {
  /// One operation and the errno that it must give; nil for success.
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var type: UInt32
    var errno: KernelErrno?
    var flags: UInt32 = 0
    var operation: @Sendable (KernelMap) throws(KernelErrno) -> Void
  }

  static let key = KernelBytes.word(1)
  static let otherKey = KernelBytes.word(7)
  static let value = KernelBytes.doubleWord(42)

  // Four entries, four-byte keys, eight-byte values; program arrays with four-byte values.
  static let cases: [Case] = [
    Case(testDescription: "array: NOEXIST", type: 2, errno: .exists) { map throws(KernelErrno) in
      try map.update(key, value, flags: 1)
    },
    Case(testDescription: "array: update past the end", type: 2, errno: .tooBig) {
      map throws(KernelErrno) in try map.update(otherKey, value)
    },
    Case(testDescription: "array: lookup past the end", type: 2, errno: .noEntry) {
      map throws(KernelErrno) in _ = try map.lookup(otherKey)
    },
    Case(testDescription: "array: delete", type: 2, errno: .invalid) {
      map throws(KernelErrno) in try map.delete(key)
    },
    Case(testDescription: "array: lookup and delete", type: 2, errno: .notSupported) {
      map throws(KernelErrno) in _ = try map.lookupAndDelete(key)
    },
    Case(testDescription: "array: unknown flags", type: 2, errno: .invalid) {
      map throws(KernelErrno) in try map.update(key, value, flags: 9)
    },
    Case(testDescription: "hash: EXIST on a missing key", type: 1, errno: .noEntry) {
      map throws(KernelErrno) in try map.update(key, value, flags: 2)
    },
    Case(testDescription: "hash: delete of a missing key", type: 1, errno: .noEntry) {
      map throws(KernelErrno) in try map.delete(key)
    },
    Case(testDescription: "hash: next key of an empty map", type: 1, errno: .noEntry) {
      map throws(KernelErrno) in _ = try map.nextKey(after: nil)
    },
    Case(testDescription: "hash: full", type: 1, errno: .tooBig) { map throws(KernelErrno) in
      for number in UInt32(0)..<5 { try map.update(KernelBytes.word(number), value) }
    },
    Case(testDescription: "hash: a present key of a full map", type: 1, errno: nil) {
      map throws(KernelErrno) in
      for number in UInt32(0)..<4 { try map.update(KernelBytes.word(number), value) }
      try map.update(key, value)
    },
    Case(
      testDescription: "program array: a value that is no descriptor", type: 3,
      errno: .badDescriptor
    ) {
      map throws(KernelErrno) in try map.update(key, KernelBytes.word(9999))
    },
    Case(testDescription: "program array: delete of an empty slot", type: 3, errno: .noEntry) {
      map throws(KernelErrno) in try map.delete(key)
    },
    Case(testDescription: "program array: delete past the end", type: 3, errno: .tooBig) {
      map throws(KernelErrno) in try map.delete(otherKey)
    },
    Case(testDescription: "frozen: update", type: 2, errno: .notPermitted) {
      map throws(KernelErrno) in
      try map.freeze()
      try map.update(key, value)
    },
    Case(testDescription: "frozen: second freeze", type: 3, errno: .notPermitted) {
      map throws(KernelErrno) in
      try map.freeze()
      try map.freeze()
    },
    Case(testDescription: "a key of the wrong size", type: 1, errno: .invalid) {
      map throws(KernelErrno) in _ = try map.lookup([1])
    },
    Case(testDescription: "a value of the wrong size", type: 1, errno: .invalid) {
      map throws(KernelErrno) in try map.update(key, [1])
    },
  ]

  @Test("operations give Linux's errno", arguments: cases)
  func operationsGiveErrno(_ test: Case) throws {
    let map = try KernelMap(
      KernelMap.Shape(
        type: test.type, keySize: 4, valueSize: test.type == 3 ? 4 : 8, maxEntries: 4,
        flags: test.flags))
    var found: KernelErrno?
    do throws(KernelErrno) {
      try test.operation(map)
    } catch {
      found = error
    }
    #expect(found == test.errno)
  }

  @Test("a hash keeps what was stored and hands it out key by key")
  func hashKeepsValues() throws {
    let map = try KernelMap(
      KernelMap.Shape(type: 1, keySize: 4, valueSize: 8, maxEntries: 8), name: "kept")
    for number in UInt32(0)..<5 {
      try map.update(KernelBytes.word(number), KernelBytes.doubleWord(UInt64(number) * 3))
    }
    #expect(KernelBytes.number(try map.lookup(KernelBytes.word(4))) == 12)
    #expect(KernelBytes.number(try map.lookupAndDelete(KernelBytes.word(4))) == 12)
    let elements = try map.elements().map { KernelBytes.number($0.key) }
    #expect(elements.sorted() == [0, 1, 2, 3])
  }

  @Test("a per-CPU value is passed once for every possible CPU")
  func perCPUValues() throws {
    let map = try KernelMap(KernelMap.Shape(type: 6, keySize: 4, valueSize: 4, maxEntries: 2))
    let value = (0..<map.shape.transferSize).map { UInt8($0 % 8 < 4 ? $0 % 251 : 0) }
    try map.update(Self.key, value)
    #expect(map.shape.transferSize == 8 * Kernel.possibleCPUCount)
    #expect(try map.lookup(Self.key) == value)
  }

  @Test("an array of maps takes a descriptor and gives the map's id")
  func mapInMap() throws {
    let shape = KernelMap.Shape(type: 2, keySize: 4, valueSize: 8, maxEntries: 1)
    let inner = try KernelMap(shape)
    let outer = try KernelMap(
      KernelMap.Shape(type: 12, keySize: 4, valueSize: 4, maxEntries: 2), innerMap: inner)
    try outer.update(Self.key, inner.slotValue)
    let identifier = UInt32(KernelBytes.number(try outer.lookup(Self.key)))
    #expect(try inner.identifier == identifier)
    #expect(try KernelMap(identifier: identifier).shape == shape)
  }

  @Test("a refused map names itself and the errno")
  func refusedMap() {
    let shape = KernelMap.Shape(type: 2, keySize: 8, valueSize: 8, maxEntries: 1)
    #expect(
      throws: KernelError(operation: "create map 'odd'", errno: .invalid)
    ) { try KernelMap(shape, name: "odd") }
  }
}

@Suite("Error numbers of the kernel")
struct KernelErrnoTests {
  @Test("are printed by name where they have one")
  func names() {
    #expect("\(KernelErrno.invalid)" == "EINVAL (22)")
    #expect("\(KernelErrno.notSupported)" == "ENOTSUPP (524)")
    #expect("\(KernelErrno(rawValue: 99))" == "errno 99")
  }
}
