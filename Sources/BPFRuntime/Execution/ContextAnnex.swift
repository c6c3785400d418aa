// UNSAFE. The words behind a context's struct that hold which socket a program chose.
//
// Invariant: the annex lies in the block of a living context without a packet, behind its struct;
// its first word is 0 or a table of sockets that the annex retains, and nobody else writes it.

/// What a program leaves behind the C struct of a context without a packet: the socket that it
/// chose. The table that the socket is in lives until the context chooses another one or is gone,
/// because programs read through its address.
@safe
struct ContextAnnex {
  private let address: UInt64

  static let byteCount = 24

  /// The annex of a context whose struct has this many bytes.
  init(context: UInt64, structByteCount: UInt64) {
    address = context &+ (structByteCount &+ 7) & ~7
  }

  /// The annex of the running program's context; `nil` when that has none, as one with a packet.
  init?(_ cpu: RunningCPU) {
    let count = unsafe UInt64(cpu.words.pointee.contextByteCount)
    guard count > 0 else { return nil }
    self.init(context: cpu.context, structByteCount: count)
  }

  private func word(_ index: UInt64) -> UInt64 {
    GuestMemory.load(address &+ 8 &* index, as: UInt64.self)
  }

  private func setWord(_ index: UInt64, _ value: UInt64) {
    GuestMemory.store(address &+ 8 &* index, value, as: UInt64.self)
  }

  private var retained: Unmanaged<SocketTable>? {
    unsafe GuestMemory.pointer(word(0)).map { unsafe Unmanaged.fromOpaque($0) }
  }

  /// The chosen socket.
  var selection: SelectedSocket? {
    guard let table = unsafe retained?.takeUnretainedValue() else { return nil }
    let index = Int(truncatingIfNeeded: word(1))
    return SelectedSocket(
      index: index, socket: table.sockets[index], skipsGroup: word(2) & 2 != 0)
  }

  /// Chooses a socket of a table, or none.
  func select(_ index: Int?, of table: SocketTable, flags: UInt64) {
    clear()
    guard let index, table.sockets.indices.contains(index) else { return }
    unsafe setWord(0, UInt64(UInt(bitPattern: Unmanaged.passRetained(table).toOpaque())))
    setWord(1, UInt64(index))
    setWord(2, flags)
  }

  /// Chooses none, and lets go of the table.
  func clear() {
    unsafe retained?.release()
    setWord(0, 0)
  }
}

/// The socket that a program chose for a connection.
public struct SelectedSocket: Hashable, Sendable {
  /// Its place in ``SocketTable/sockets``.
  public var index: Int
  /// The socket.
  public var socket: SocketTable.Socket
  /// Whether it is meant itself, and not the group of sockets on one port that it belongs to
  /// (`BPF_SK_LOOKUP_F_NO_REUSEPORT`).
  public var skipsGroup: Bool
}
