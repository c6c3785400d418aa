import BPFRuntime

/// What a call of a helper has to look like.
struct HelperSignature: Sendable {
  enum Argument: Hashable, Sendable {
    case anything
    case context
    case map
    case mapKey
    /// A value of the map, read.
    case mapValue
    /// A value of the map, filled by the helper.
    case newMapValue
    /// A value of the map, or 0.
    case mapValueOrNull
    /// Memory of the size in the next argument.
    case memory(writes: Bool, orNull: Bool)
    case size(allowsZero: Bool)
    case fixedMemory(byteCount: Int, writes: Bool)
    /// Text with its zero in a map that cannot change.
    case constantText
    /// A subprogram.
    case callback
    /// What a callback gets: an address in the stack, or 0.
    case callbackData
    case socket
    /// Memory that `ringbuf_reserve` gave out; the call gives it back.
    case reservation
    /// A known size of memory to be given out.
    case allocationSize
    case lock
  }

  enum Result: Hashable, Sendable {
    case scalar
    case void
    case mapValueOrNull
    /// Memory of the size in ``Argument/allocationSize``.
    case memoryOrNull
    case socketOrNull(Socket)
  }

  /// Kinds of sockets, by how much of them can be read.
  enum Socket: UInt8, Hashable, Sendable {
    case common, full, tcp
  }

  var number: Int32
  var name: String
  var arguments: [Argument]
  var result: Result = .scalar
  /// Packet addresses are stale afterwards.
  var changesPacket = false
  /// Memory arguments may lie in the packet.
  var takesPacket = false
  var isGPLOnly = false
  /// The result is a handle that has to be given back.
  var acquires = false
  /// The first argument is a handle that is given back.
  var releases = false

  init(
    _ number: Int32, _ arguments: [Argument], _ result: Result = .scalar
  ) {
    self.number = number
    name = HelperNames.name(of: number) ?? "unknown"
    self.arguments = arguments
    self.result = result
  }

  /// An embedder's own helper.
  init(_ helper: Helper) {
    number = helper.number
    name = helper.name
    arguments = helper.arguments.map(Argument.init)
    changesPacket = helper.changesPacket
    isGPLOnly = helper.isGPLOnly
    takesPacket = true
    switch helper.result {
    case .scalar: result = .scalar
    case .mapValueOrNull: result = .mapValueOrNull
    case .reservationOrNull: result = .memoryOrNull
    case .void: result = .void
    }
  }
}

extension HelperSignature.Argument {
  fileprivate init(_ argument: Helper.Argument) {
    switch argument {
    case .anything: self = .anything
    case .context: self = .context
    case .map: self = .map
    case .mapKey: self = .mapKey
    case .mapValue: self = .mapValue
    case .readableMemory(let orNull): self = .memory(writes: false, orNull: orNull)
    case .writableMemory(let orNull): self = .memory(writes: true, orNull: orNull)
    case .size(let allowsZero): self = .size(allowsZero: allowsZero)
    case .fixedMemory(let byteCount): self = .fixedMemory(byteCount: byteCount, writes: true)
    case .reservation: self = .reservation
    case .mapValueOrNull: self = .mapValueOrNull
    }
  }

  var isSize: Bool {
    if case .size = self { true } else { false }
  }
}
