/// Names one program or map, in `bpftool`'s ways.
public enum ObjectSelector: Hashable, Sendable {
  /// By number.
  case id(UInt32)
  /// By name; there must be only one.
  case name(String)
  /// By the path that it was pinned at.
  case pinned(String)
}

extension ObjectSelector: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case id, name, pinned
  }

  /// Reads `{"id": 3}`, `{"name": "tcp"}` or `{"pinned": "tcp"}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    guard container.allKeys.count == 1, let key = container.allKeys.first else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "one of id, name and pinned has to be there"))
    }
    switch key {
    case .id: self = .id(try container.decode(UInt32.self, forKey: key))
    case .name: self = .name(try container.decode(String.self, forKey: key))
    case .pinned: self = .pinned(try container.decode(String.self, forKey: key))
    }
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    switch self {
    case .id(let id): try container.encode(id, forKey: .id)
    case .name(let name): try container.encode(name, forKey: .name)
    case .pinned(let path): try container.encode(path, forKey: .pinned)
    }
  }
}

extension ObjectSelector: CustomStringConvertible {
  /// As it is typed: `id 3`, `name tcp`.
  public var description: String {
    switch self {
    case .id(let id): "id \(id)"
    case .name(let name): "name \(name)"
    case .pinned(let path): "pinned \(path)"
    }
  }
}

/// Programs that are loaded; the keys are `bpftool`'s where the thing is the same.
public struct ProgramsDocument: Codable, Hashable, Sendable {
  /// `switchyard.prog_show/1`.
  public var schema = "switchyard.prog_show/1"
  /// The programs, by number.
  public var programs: [Program]

  /// A program.
  public struct Program: Codable, Hashable, Sendable {
    /// Its number.
    public var id: UInt32
    /// Its type, as libbpf names it.
    public var type: String
    /// Its name.
    public var name: String
    /// The object that it comes from.
    public var object: UInt32
    /// Instructions.
    public var insns: Int
    /// Bytes of machine code; 0 when it is interpreted.
    public var bytesJited: Int
    /// Where it is pinned.
    public var pinned: [String]
    /// The slots that hold it, as in `jump[3]`.
    public var slots: [String]
  }
}

/// Maps; the keys are `bpftool`'s where the thing is the same.
public struct MapsDocument: Codable, Hashable, Sendable {
  /// `switchyard.map_show/1`.
  public var schema = "switchyard.map_show/1"
  /// The maps, by number.
  public var maps: [Map]

  /// A map.
  public struct Map: Codable, Hashable, Sendable {
    /// Its number.
    public var id: UInt32
    /// Its type, as libbpf names it.
    public var type: String
    /// Its name.
    public var name: String
    /// Bytes of a key.
    public var bytesKey: UInt32
    /// Bytes of a value.
    public var bytesValue: UInt32
    /// How many elements it can have.
    public var maxEntries: UInt32
    /// Where it is pinned.
    public var pinned: [String]
  }
}

/// Elements of a map.
public struct ElementsDocument: Codable, Hashable, Sendable {
  /// `switchyard.map_elements/1`.
  public var schema = "switchyard.map_elements/1"
  /// The map's name.
  public var map: String
  /// The elements.
  public var elements: [Element]

  /// An element.
  public struct Element: Codable, Hashable, Sendable {
    /// The key's bytes, as in `"0x1f"`.
    public var key: ByteList
    /// The value's bytes; of a slot, the program's number.
    public var value: ByteList?
    /// Of a per-CPU map, the values of all CPUs.
    public var values: [PerCPU]?
    /// Of a slot, the program's name.
    public var program: String?
  }

  /// One CPU's value.
  public struct PerCPU: Codable, Hashable, Sendable {
    /// Which CPU.
    public var cpu: Int
    /// The value's bytes.
    public var value: ByteList
  }
}

/// Bytes as `bpftool` writes them in JSON: `["0x00", "0x1f"]`.
public struct ByteList: Codable, Hashable, Sendable {
  /// The bytes.
  public var bytes: [UInt8]

  /// Wraps bytes.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Reads an array of strings, or of numbers.
  public init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    var bytes: [UInt8] = []
    while !container.isAtEnd {
      if let number = try? container.decode(UInt8.self) {
        bytes.append(number)
        continue
      }
      let text = try container.decode(String.self)
      guard text.hasPrefix("0x"), let byte = UInt8(text.dropFirst(2), radix: 16) else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "\(text) is no byte such as \"0x1f\"")
      }
      bytes.append(byte)
    }
    self.bytes = bytes
  }

  /// Writes an array of strings.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for byte in bytes {
      try container.encode((byte < 16 ? "0x0" : "0x") + String(byte, radix: 16))
    }
  }
}

/// An element that is set: what `PUT` of a map takes.
public struct ElementChangeDocument: Codable, Hashable, Sendable {
  /// The key's bytes.
  public var key: ByteList
  /// The value's bytes; not with ``program``.
  public var value: ByteList?
  /// For an array of programs, what goes into the slot.
  public var program: ObjectSelector?
  /// `any`, `exist` or `noexist`.
  public var flags: String?

  /// Describes an element.
  public init(
    key: ByteList, value: ByteList? = nil, program: ObjectSelector? = nil, flags: String? = nil
  ) {
    self.key = key
    self.value = value
    self.program = program
    self.flags = flags
  }
}

/// What is pinned where.
public struct PinsDocument: Codable, Hashable, Sendable {
  /// `switchyard.pins/1`.
  public var schema = "switchyard.pins/1"
  /// The pins, by path.
  public var pins: [Pin]

  /// A pin.
  public struct Pin: Codable, Hashable, Sendable {
    /// Its path.
    public var path: String
    /// `prog` or `map`.
    public var kind: String
    /// The number of what is pinned.
    public var id: UInt32
    /// The name of what is pinned.
    public var name: String
  }
}

/// The key that follows another.
public struct NextKeyDocument: Codable, Hashable, Sendable {
  /// The key that was given.
  public var key: ByteList?
  /// The one behind it; there is none at the end.
  public var nextKey: ByteList?
}

/// Nothing to say: it was done.
public struct EmptyDocument: Codable, Hashable, Sendable {
  /// `switchyard.done/1`.
  public var schema = "switchyard.done/1"

  /// Makes the document.
  public init() {}
}
