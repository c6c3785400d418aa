// UNSAFE. The block of memory behind r1.
//
// Invariant: the block has the size that its layout asks for and lives as long as the context.

/// What a program gets in r1: a block of memory laid out by its type's ``ContextLayout``.
///
/// One context can serve any number of runs, one after the other.
public class Context {
  /// How the block is laid out.
  public let layout: ContextLayout
  let block: StableMemory
  /// Bytes of the C struct, if programs see them as they are; 0 otherwise.
  let plainByteCount: UInt32
  /// The layout's table of rights, which tells layouts apart: every run compares it.
  let access: ContextAccessTable
  /// Where addresses are that programs follow, and what lies between them.
  private let addressBytes: Range<Int>

  /// Makes a zeroed context; sockets that a program relies on are one that has nothing but zeros.
  ///
  /// - Throws: ENOMEM; EOPNOTSUPP for a layout with addresses that programs follow and there is
  ///   nothing behind here; those of flow keys need a ``PacketContext``.
  public convenience init(layout: ContextLayout) throws(LinuxError) {
    try self.init(layout: layout, hasFlowKeys: false)
  }

  init(layout: ContextLayout, hasFlowKeys: Bool) throws(LinuxError) {
    let isForeign = layout.fields.contains {
      $0.value == .tracepointBuffer || $0.value == .flowKeys && !hasFlowKeys
    }
    guard !isForeign else { throw .operationNotSupported }
    self.layout = layout
    let places = layout.sockets.map(\.offset) + layout.flowKeysOffsets
    addressBytes = (places.min() ?? 0)..<(places.max().map { $0 + 8 } ?? 0)
    access = layout.access
    plainByteCount = layout.needsTranslation ? 0 : UInt32(layout.byteCount)
    block = try StableMemory(byteCount: layout.blockByteCount)
    firstArgument = block.address
    setAddresses()
  }

  deinit { annex?.clear() }

  /// What programs leave behind the struct, if there is no packet.
  private var annex: ContextAnnex? {
    layout.hasPacket
      ? nil : ContextAnnex(context: block.address, structByteCount: UInt64(layout.byteCount))
  }

  /// The socket that programs chose since ``bytes`` were set (`bpf_sk_assign`); a later run on the
  /// same context sees it as its own choice.
  public var selectedSocket: SelectedSocket? { annex?.selection }

  /// What stands in a field that yields a socket, by its offset.
  private var declaredSockets: [Int: (table: SocketTable, index: Int)] = [:]

  /// Declares which socket programs find in a field, as in `sk`; by default it is one of zeros, or
  /// none where Linux may have none.
  ///
  /// - Parameters:
  ///   - index: Its place in the table; `nil` for the default.
  ///   - table: The one in ``Environment/sockets`` of the CPU that runs the programs.
  ///   - name: Name of the field.
  /// - Throws: EINVAL when there is no such field, or no such socket in the table.
  public func declareSocket(
    _ index: Int?, of table: SocketTable, in name: String = "sk"
  ) throws(LinuxError) {
    guard let field = layout.sockets.first(where: { $0.name == name }),
      index.map({ table.sockets.indices.contains($0) }) ?? true
    else { throw .invalid }
    declaredSockets[field.offset] = index.map { (table, $0) }
    setAddresses()
  }

  /// Programs follow these addresses, so nobody else decides about them.
  func setAddresses() {
    annex?.clear()
    storeSockets(at: block.address)
  }

  /// Writes the addresses of sockets into a struct.
  final func storeSockets(at start: UInt64) {
    for socket in layout.sockets {
      let declared = declaredSockets[socket.offset].map { $0.table.address($0.index) }
      let address = declared ?? (socket.orNull ? 0 : BlankSocket.address)
      GuestMemory.store(start &+ UInt64(socket.offset), address, as: UInt64.self)
    }
  }

  /// The value of r1 when a program starts.
  final fileprivate(set) var firstArgument: UInt64

  /// The value of r2 when a program starts.
  final fileprivate(set) var secondArgument: UInt64 = 0

  /// Address of the words that describe the packet, once they delimit one: helpers rely on ends
  /// that lie in order in one buffer. 0 before.
  final private(set) var packetAddress: UInt64 = 0

  /// Notes that the descriptor delimits a packet.
  final func packetIsThere() {
    packetAddress = descriptor?.address ?? 0
  }

  /// The words that describe the packet, if there is one.
  var descriptor: PacketDescriptor? {
    layout.hasPacket
      ? PacketDescriptor(address: block.address &+ UInt64(layout.descriptorOffset)) : nil
  }

  /// The bytes of the C struct, pointers being zero.
  ///
  /// - Precondition: A new value has as many bytes as the layout.
  public var bytes: [UInt8] {
    get {
      var bytes = block.bytes(at: 0, count: layout.byteCount)
      for offset in layout.sockets.map(\.offset) + layout.flowKeysOffsets {
        bytes.replaceSubrange(offset..<offset + 8, with: repeatElement(0, count: 8))
      }
      return bytes
    }
    set {
      precondition(newValue.count == layout.byteCount, "the struct has another size")
      block.write(newValue, at: 0)
      setAddresses()
    }
  }

  /// Four bytes of the C struct, in host byte order.
  ///
  /// - Precondition: They lie inside the struct.
  public subscript(word offset: Int) -> UInt32 {
    get {
      precondition(offset >= 0 && offset + 4 <= layout.byteCount, "not inside the struct")
      return GuestMemory.load(block.address &+ UInt64(offset), as: UInt32.self)
    }
    set {
      precondition(offset >= 0 && offset + 4 <= layout.byteCount, "not inside the struct")
      GuestMemory.store(block.address &+ UInt64(offset), UInt64(newValue), as: UInt32.self)
      if addressBytes.overlaps(offset..<offset + 4) { setAddresses() }
    }
  }
}

/// A block of bytes as the context itself: r1 is its address and r2 its length.
public final class MemoryContext: Context {
  /// The layout of all of them: no struct, just memory.
  public static let layout = ContextLayout(byteCount: 0, fields: [], hasPacket: true)

  private let memory: StableMemory

  /// Takes a copy of bytes; none at all gives a program 0 in r1 and r2.
  ///
  /// - Throws: ENOMEM.
  public init(_ bytes: [UInt8]) throws(LinuxError) {
    memory = try StableMemory(byteCount: bytes.count)
    memory.write(bytes, at: 0)
    try super.init(layout: Self.layout, hasFlowKeys: false)
    firstArgument = memory.byteCount == 0 ? 0 : memory.address
    secondArgument = UInt64(memory.byteCount)
    let end = memory.address &+ UInt64(bytes.count)
    guard let descriptor else { return }
    descriptor.data = memory.address
    descriptor.end = end
    descriptor.metadata = memory.address
    descriptor.bufferStart = memory.address
    descriptor.bufferEnd = end
    descriptor.linkHeader = memory.address
    descriptor.networkHeader = memory.address
    packetIsThere()
  }

  /// The bytes as they are now.
  public var contents: [UInt8] { memory.bytes(at: 0, count: memory.byteCount) }
}
