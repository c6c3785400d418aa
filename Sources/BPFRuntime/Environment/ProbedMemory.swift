/// Memory that a hook lets programs probe: an address space of its own, whose addresses need not be
/// those of anything in the host.
public struct ProbedMemory {
  /// Reads memory: as many bytes from an address on as can be read, up to a count.
  public typealias Reader = (_ address: UInt64, _ count: Int, _ space: Space) -> [UInt8]

  /// Whose memory an address is looked up in.
  public enum Space: Hashable, Sendable {
    /// The kernel's: `bpf_probe_read_kernel`.
    case kernel
    /// The process's: `bpf_probe_read_user`, `bpf_copy_from_user`.
    case user
  }

  private var regions: [Space: [DeclaredMemory]] = [:]
  /// Asked where nothing is declared, for instance to read the memory of a traced process. It may
  /// return fewer bytes than asked for; none where nothing can be read.
  public var reader: Reader?
  /// Writes bytes of `bpf_probe_write_user`; without one they are refused with EFAULT.
  public var writer: ((_ address: UInt64, _ bytes: [UInt8]) -> Bool)?

  /// Nothing can be probed.
  public init() {}

  /// Declares memory; what was declared before wins where two overlap.
  public mutating func add(_ memory: DeclaredMemory, to space: Space = .kernel) {
    regions[space, default: []].append(memory)
  }

  /// The bytes at an address, as many as can be read up to a count.
  func bytes(at address: UInt64, count: Int, in space: Space) -> [UInt8] {
    var result: [UInt8] = []
    while result.count < count {
      let position = address &+ UInt64(result.count)
      guard position >= address || result.isEmpty else { break }
      let piece = piece(at: position, count: count - result.count, in: space)
      guard !piece.isEmpty else { break }
      result += piece.prefix(count - result.count)
    }
    return result
  }

  private func piece(at address: UInt64, count: Int, in space: Space) -> [UInt8] {
    for region in regions[space] ?? [] {
      let offset = address &- region.address
      guard offset < UInt64(region.bytes.count) else { continue }
      return Array(region.bytes[Int(offset)...].prefix(count))
    }
    return reader?(address, count, space) ?? []
  }
}

/// Bytes at an address.
public struct DeclaredMemory: Sendable {
  /// The address of the first byte, as programs see it.
  public var address: UInt64
  /// The bytes.
  public var bytes: [UInt8]

  /// Describes memory.
  public init(at address: UInt64, bytes: [UInt8]) {
    self.address = address
    self.bytes = bytes
  }
}
