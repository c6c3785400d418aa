/// What a program finds behind r1: the fields it may read and write, byte by byte.
///
/// A context is a block of memory. Its first ``byteCount`` bytes stand exactly as the program's C
/// struct says, so plain fields need no translation. Fields that hold packet pointers are four
/// bytes wide in the C struct and eight bytes here; a load of one is redirected to the
/// ``PacketDescriptor`` that follows the struct.
public struct ContextLayout: Sendable {
  /// Bytes of the C struct.
  public let byteCount: Int
  /// The fields, in the order of their offsets.
  public let fields: [ContextField]
  /// Whether a packet belongs to the context, so a ``PacketDescriptor`` follows the struct.
  public let hasPacket: Bool

  let access: ContextAccessTable
  /// Whether a field yields an address or is not kept as written, so that engines have to translate
  /// accesses.
  let needsTranslation: Bool

  /// Describes a context by its fields.
  ///
  /// - Parameters:
  ///   - byteCount: Bytes of the C struct; at most 65,536.
  ///   - fields: The fields. What no field covers cannot be accessed, nor what lies outside the
  ///     struct.
  ///   - hasPacket: Whether packet pointers belong to it.
  /// - Precondition: Fields that yield packet pointers come with a packet.
  public init(byteCount: Int, fields: [ContextField], hasPacket: Bool = false) {
    precondition((0...65_536).contains(byteCount), "a context has 0 to 65536 bytes")
    precondition(
      hasPacket || fields.allSatisfy { $0.value.isStored }, "packet pointers without a packet")
    self.byteCount = byteCount
    self.fields = fields
    self.hasPacket = hasPacket
    access = ContextAccessTable(byteCount: byteCount, fields: fields)
    needsTranslation = fields.contains { !$0.value.isStored || $0.storage != .plain }
  }

  /// A block of memory that may be read and written at any offset in any size.
  public static func plain(byteCount: Int) -> ContextLayout {
    ContextLayout(
      byteCount: byteCount,
      fields: [
        ContextField("memory", at: 0, size: byteCount, reads: .any, writes: .any)
      ])
  }

  /// The field that an access goes to; `nil` if there is none or not with these rights.
  public func field(at offset: Int, size: Int, isWrite: Bool) -> ContextField? {
    fields.first { field in
      field.permits(isWrite ? field.writes : field.reads, offset: offset, size: size)
    }
  }

  /// Where the packet descriptor starts, relative to the context.
  var descriptorOffset: Int { (byteCount + 7) & ~7 }

  /// Bytes of the whole block.
  var blockByteCount: Int {
    descriptorOffset + (hasPacket ? PacketDescriptor.byteCount : ContextAnnex.byteCount)
  }
}

/// One field of a context.
public struct ContextField: Sendable {
  /// What a load of the field yields.
  public enum Value: Hashable, Sendable {
    /// The stored bytes.
    case stored
    /// The address of the packet's first byte.
    case packetStart
    /// The address just past the packet's last byte.
    case packetEnd
    /// The address of the packet's metadata, which ends at its first byte.
    case packetMetadata
    /// The stored eight bytes are a socket's handle; with `orNull`, or 0.
    case socket(SocketKind, orNull: Bool)
    /// The stored eight bytes are the address of a `struct bpf_flow_keys`.
    case flowKeys
    /// The stored eight bytes are the address of a buffer that a raw tracepoint may write.
    case tracepointBuffer
    /// The stored eight bytes are the address of a structure of the kernel, by name.
    case kernelObject(String)

    /// Whether a load yields the bytes in the C struct, whatever they stand for.
    public var isStored: Bool { PacketDescriptor.wordOffset(of: self) == nil }
  }

  /// How much of a socket can be read through its handle.
  public enum SocketKind: UInt8, Hashable, Sendable {
    /// What every socket has (`struct bpf_sock` without what only full ones have).
    case common
    /// All of `struct bpf_sock`.
    case full
    /// `struct bpf_tcp_sock`.
    case tcp
    /// `struct bpf_xdp_sock`.
    case xdp
  }

  /// In which sizes a field can be accessed.
  public enum Rights: Hashable, Sendable {
    /// Not at all.
    case none
    /// In its full size only.
    case whole
    /// In any smaller power-of-two size too, naturally aligned.
    case narrow
    /// In any size at any offset.
    case any
  }

  /// How a written value is kept, for fields that Linux keeps in fewer bits than it shows.
  public enum Storage: Hashable, Sendable {
    /// As it is.
    case plain
    /// Its low 16 bits; reads give zeros above them.
    case lowHalf
    /// Its low 16 bits, and nothing at all from 0xffff on: `queue_mapping`.
    case queueMapping
  }

  /// Name in the C struct.
  public var name: String
  /// First byte, relative to the struct.
  public var offset: Int
  /// Bytes of the field; of an array, of the whole array.
  public var size: Int
  /// Bytes of one element: what "whole" means.
  public var elementSize: Int
  /// What a load yields.
  public var value: Value
  /// How it may be read.
  public var reads: Rights
  /// How it may be written.
  public var writes: Rights
  /// How a written value is kept; only for fields of four bytes that are written as a whole.
  public var storage: Storage

  /// Describes a field.
  public init(
    _ name: String, at offset: Int, size: Int = 4, elementSize: Int? = nil, value: Value = .stored,
    reads: Rights = .whole, writes: Rights = .none, storage: Storage = .plain
  ) {
    self.name = name
    self.offset = offset
    self.size = size
    self.elementSize = elementSize ?? size
    self.value = value
    self.reads = reads
    self.writes = writes
    self.storage = storage
  }

  func permits(_ rights: Rights, offset: Int, size accessSize: Int) -> Bool {
    guard offset >= self.offset, offset - self.offset <= size - accessSize else { return false }
    switch rights {
    case .none: return false
    case .any: return true
    case .whole: return accessSize == elementSize && (offset - self.offset) % elementSize == 0
    case .narrow: return accessSize <= elementSize && offset % accessSize == 0
    }
  }
}

/// A context's rights as raw bytes, looked up by offset and size while a program runs.
final class ContextAccessTable: Sendable {
  /// What may be done at an offset in a size.
  struct Entry: Sendable {
    /// Bit 0: readable; bit 1: writable; bits 2 and 3: which value; bits 4 and 5: how it is kept.
    var bits: UInt8

    var isReadable: Bool { bits & 1 != 0 }
    var isWritable: Bool { bits & 2 != 0 }
    /// What is kept of a written value; `nil` for nothing.
    func kept(of value: UInt64) -> UInt64? {
      switch bits &>> 4 & 3 {
      case 0: value
      case 1: value & 0xffff
      // Linux compares all 64 bits of the register.
      default: value < 0xffff ? value : nil
      }
    }
    /// Offset of the descriptor's word that a load yields; `nil` for a stored field.
    var descriptorWord: UInt64? {
      let value = bits &>> 2 & 3
      return value == 0 ? nil : UInt64(value &- 1) &* 8
    }
  }

  /// How a written value is kept, as it stands in an entry.
  static func code(of storage: ContextField.Storage) -> UInt8 {
    switch storage {
    case .plain: 0
    case .lowHalf: 1
    case .queueMapping: 2
    }
  }

  private let memory: StableMemory

  /// Address of the first byte: entry of offset 0 and size 1.
  var address: UInt64 { memory.address }

  init(byteCount: Int, fields: [ContextField]) {
    var bytes = [UInt8](repeating: 0, count: byteCount * 4)
    for field in fields {
      for offset in 0..<byteCount {
        for logarithm in 0..<4 where offset + (1 << logarithm) <= byteCount {
          let size = 1 << logarithm
          let isReadable = field.permits(field.reads, offset: offset, size: size)
          let isWritable = field.permits(field.writes, offset: offset, size: size)
          guard isReadable || isWritable else { continue }
          let word = PacketDescriptor.wordOffset(of: field.value).map { $0 / 8 + 1 } ?? 0
          // What is read and what is written at one place may be two fields.
          bytes[offset * 4 + logarithm] |=
            (isReadable ? 1 : 0) | (isWritable ? 2 : 0) | UInt8(word << 2)
            | Self.code(of: field.storage) << 4
        }
      }
    }
    guard let memory = try? StableMemory(byteCount: bytes.count) else {
      fatalError("no memory for \(bytes.count) bytes of context rights")
    }
    memory.write(bytes, at: 0)
    self.memory = memory
  }

  /// The entry of an access in a table at an address; the caller has checked that it is inside.
  @inline(__always)
  static func entry(table: UInt64, offset: UInt64, size: Int) -> Entry {
    let index = offset &* 4 &+ UInt64(size.trailingZeroBitCount)
    return Entry(bits: GuestMemory.load(table &+ index, as: UInt8.self))
  }
}
