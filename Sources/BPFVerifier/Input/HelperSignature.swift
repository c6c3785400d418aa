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
    /// A handle on a socket.
    case socket(AcceptedSockets, orNull: Bool = false)
    /// A structure of the kernel, as other helpers hand it out.
    case kernelObject(KernelObject, orNull: Bool = false)
    /// Memory that `ringbuf_reserve` gave out; the call gives it back.
    case reservation
    /// A known size of memory to be given out.
    case allocationSize
    case lock
    /// A `struct bpf_timer` in a map's value.
    case timer
    /// A `struct bpf_dynptr` on the stack.
    case dynptr(DynptrUse)
    /// A pointer to a kernel object in a map's value.
    case objectPlace
    /// The context, or 0.
    case contextOrNull
    /// Memory of a fixed size at an address that is a multiple of it.
    case alignedMemory(byteCount: Int, writes: Bool)
  }

  /// Which handles on sockets an argument takes.
  enum AcceptedSockets: Hashable, Sendable {
    /// Any kind.
    case any
    /// Any kind, and sockets as structures of the kernel.
    case anyOrObject
    /// Full sockets only.
    case full
  }

  /// What is done with a dynptr.
  enum DynptrUse: Hashable, Sendable {
    /// It is made, of this kind.
    case made(DynptrKind)
    /// It is used.
    case used
    /// It is used, and the helper changes it.
    case changed
    /// It is given back.
    case released
  }

  enum Result: Hashable, Sendable {
    case scalar
    case void
    case mapValue
    case mapValueOrNull
    /// Memory of the size in ``Argument/allocationSize``.
    case memoryOrNull
    /// A part of a dynptr's memory, of the size in ``Argument/allocationSize``.
    case dynptrMemoryOrNull
    case socketOrNull(Socket)
    case kernelObject(KernelObject)
    case kernelObjectOrNull(KernelObject)
  }

  /// Kinds of sockets, by how much of them can be read.
  typealias Socket = ContextField.SocketKind

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
  /// Only programs that may sleep may call it.
  var maySleep = false

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
    case .memoryOrNull: result = .memoryOrNull
    case .socketOrNull: result = .socketOrNull(.full)
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
    case .newMapValue: self = .newMapValue
    case .readableMemory(let orNull): self = .memory(writes: false, orNull: orNull)
    case .writableMemory(let orNull): self = .memory(writes: true, orNull: orNull)
    case .size(let allowsZero): self = .size(allowsZero: allowsZero)
    case .fixedMemory(let byteCount): self = .fixedMemory(byteCount: byteCount, writes: true)
    case .readableFixedMemory(let byteCount):
      self = .fixedMemory(byteCount: byteCount, writes: false)
    case .function: self = .callback
    case .socket: self = .socket(.any, orNull: false)
    case .reservation: self = .reservation
    case .mapValueOrNull: self = .mapValueOrNull
    }
  }

  var isSize: Bool {
    if case .size = self { true } else { false }
  }
}
