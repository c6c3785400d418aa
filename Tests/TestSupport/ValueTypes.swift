import BPFKernel

/// The smallest BTF that says where the parts of a map's value are that belong to helpers.
struct ValueTypes {
  /// A `.BTF` section.
  private(set) var bytes: [UInt8] = []
  /// The id of the key's type.
  private(set) var key: UInt32 = 1
  /// The id of the value's type.
  private(set) var value: UInt32 = 1

  private var words: [UInt32] = []
  private var strings: [UInt8] = [0]
  private var count: UInt32 = 0

  /// Describes a map's value: numbers, with a lock or a timer where the map says so.
  init(_ map: VerifierCase.Map) {
    self.init(
      keySize: 4, valueSize: map.valueSize, lockOffset: map.lockOffset,
      timerOffset: map.timerOffset)
  }

  /// Describes a value of some bytes, with a lock or a timer in it, and a key of some bytes.
  init(keySize: UInt32, valueSize: UInt32, lockOffset: UInt32?, timerOffset: UInt32?) {
    let number = add("int", kind: 1, 0, 4, [1 << 24 | 32])
    let wide = add("wide", kind: 1, 0, 8, [64])
    let byte = add("byte", kind: 1, 0, 1, [8])
    if keySize != 4 { key = add("", kind: 3, 0, 0, [byte, number, keySize]) }
    // In order of their offsets, as members have to be.
    var members: [(offset: UInt32, words: [UInt32])] = []
    if let lockOffset {
      let lock = add("bpf_spin_lock", kind: 4, 1, 4, [string("val"), number, 0])
      members.append((lockOffset, [string("lock"), lock, lockOffset * 8]))
    }
    if let timerOffset {
      let timer = add(
        "bpf_timer", kind: 4, 2, 16, [string("first"), wide, 0, string("second"), wide, 64])
      members.append((timerOffset, [string("timer"), timer, timerOffset * 8]))
    }
    if members.isEmpty {
      value = add("", kind: 3, 0, 0, [byte, number, valueSize])
    } else {
      let last = add("", kind: 3, 0, 0, [byte, number, 0])
      members.sort { $0.offset < $1.offset }
      let words = members.flatMap(\.words) + [string("rest"), last, valueSize * 8]
      value = add("value", kind: 4, UInt32(words.count / 3), valueSize, words)
    }
    let typeByteCount = UInt32(words.count * 4)
    let header: [UInt32] = [
      0x0001_eb9f, 24, 0, typeByteCount, typeByteCount, UInt32(strings.count),
    ]
    bytes = (header + words).flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
    }
    bytes += strings
  }

  private mutating func add(
    _ name: String, kind: UInt32, _ length: UInt32, _ size: UInt32, _ rest: [UInt32]
  ) -> UInt32 {
    words += [name.isEmpty ? 0 : string(name), kind << 24 | length, size] + rest
    count += 1
    return count
  }

  private mutating func string(_ text: String) -> UInt32 {
    defer { strings += Array(text.utf8) + [0] }
    return UInt32(strings.count)
  }
}

extension VerifierCase.Map {
  /// Whether Linux wants to know the types of key and value.
  public var needsTypes: Bool {
    lockOffset != nil || timerOffset != nil
      || ["sk_storage", "inode_storage", "task_storage", "cgrp_storage"].contains(type)
  }
}
