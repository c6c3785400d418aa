import TestSupport
import Testing

@testable import BPFRuntime

@Suite("A trie that is searched through a table")
struct TrieTableTests {
  /// Prefixes and their values, in the plainest way.
  private struct Model {
    var values: [Prefix: UInt64] = [:]

    func longest(of address: UInt32) -> UInt64? {
      (0...32).reversed().lazy.compactMap { values[Prefix(address, length: $0)] }.first
    }
  }

  private struct Prefix: Hashable {
    var address: UInt32
    var length: UInt32

    init(_ address: UInt32, length: UInt32) {
      self.address = length == 0 ? 0 : address & ~0 << (32 - length)
      self.length = length
    }

    var key: [UInt8] { littleEndian(length) + littleEndian(address.bigEndian) }
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  @Test(
    "finds what is in it after every change, whatever a prefix lies above, below or beside",
    arguments: [1, 2, 3, 4])
  func changes(seed: UInt64) throws {
    var generator = SplitMix(state: seed)
    let map = try Runtime().makeMap(
      MapDefinition(
        type: .lpmTrie, keySize: 8, valueSize: 8, maxEntries: 1024, flags: .noPreallocation))
    var model = Model()
    // Few bits differ, so that prefixes meet: around the eleven bits that choose an entry, too.
    let bits: [UInt32] = [31, 22, 21, 20, 19, 4, 0].map { 1 << $0 }
    func address() -> UInt32 { bits.filter { _ in Bool.random(using: &generator) }.reduce(0, |) }
    let lengths: [UInt32] = [0, 1, 2, 8, 10, 11, 12, 13, 14, 20, 24, 28, 31, 32]
    for step in 0..<6000 {
      let prefix = Prefix(
        address(), length: lengths.randomElement(using: &generator) ?? 32)
      if step % 1500 < 900 || Bool.random(using: &generator) {
        try map.update(prefix.key, Self.littleEndian(UInt64(step)))
        model.values[prefix] = UInt64(step)
      } else if model.values.removeValue(forKey: prefix) != nil {
        try map.delete(prefix.key)
      } else {
        #expect(throws: LinuxError.noEntry) { try map.delete(prefix.key) }
      }
      for target in [prefix.address, address(), address()] {
        let expected = model.longest(of: target).map(Self.littleEndian)
        #expect((try? map.lookup(Prefix(target, length: 32).key)) == expected)
      }
    }
    let keys = try Set(map.keys())
    #expect(keys == Set(model.values.keys.map(\.key)))
  }
}
