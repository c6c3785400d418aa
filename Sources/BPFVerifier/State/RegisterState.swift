import BPFRuntime

/// What a register or an eight-byte stack slot can hold.
enum RegisterKind: UInt8, Hashable, Sendable {
  /// Nothing that may be read.
  case uninitialized
  /// A number.
  case scalar
  /// The program's context.
  case context
  /// An address in a frame's stack.
  case stack
  /// An address in the packet.
  case packet
  /// An address in the metadata before the packet.
  case packetMetadata
  /// The address just past the packet.
  case packetEnd
  /// A map.
  case map
  /// A map out of a map of maps, or 0.
  case mapOrNull
  /// An address in a map's value.
  case mapValue
  /// The address of a map's value, or 0.
  case mapValueOrNull
  /// The address of a map's key, as callbacks get it.
  case mapKey
  /// An address in memory of a known size.
  case memory
  /// The address of memory of a known size, or 0.
  case memoryOrNull
  /// A socket, of which some fields can be read.
  case socket
  /// A socket, or 0.
  case socketOrNull
  /// A subprogram, for helpers that call back.
  case function
  /// The keys of a flow, as flow dissectors fill them.
  case flowKeys
  /// The buffer of a raw tracepoint that may write it.
  case tracepointBuffer
  /// A structure of the kernel; nothing here can look inside.
  case kernelObject
  /// A structure of the kernel, or 0.
  case kernelObjectOrNull
  /// A dynptr that belongs to a helper.
  case dynptr

  /// What is left when a null test has shown that it is not 0.
  var nonNull: RegisterKind {
    switch self {
    case .mapOrNull: .map
    case .mapValueOrNull: .mapValue
    case .memoryOrNull: .memory
    case .socketOrNull: .socket
    case .kernelObjectOrNull: .kernelObject
    default: self
    }
  }

  var mayBeNull: Bool { nonNull != self }
  var isPointer: Bool { self != .uninitialized && self != .scalar }
  var isPacket: Bool { self == .packet || self == .packetMetadata }

  /// Linux's word in its log.
  var logName: String {
    switch self {
    case .uninitialized: "?"
    case .scalar: "scalar"
    case .context: "ctx"
    case .stack: "fp"
    case .packet: "pkt"
    case .packetMetadata: "pkt_meta"
    case .packetEnd: "pkt_end"
    case .map: "map_ptr"
    case .mapOrNull: "map_ptr_or_null"
    case .mapValue: "map_value"
    case .mapValueOrNull: "map_value_or_null"
    case .mapKey: "map_key"
    case .memory: "mem"
    case .memoryOrNull: "mem_or_null"
    case .socket: "sock"
    case .socketOrNull: "sock_or_null"
    case .function: "func"
    case .flowKeys: "flow_keys"
    case .tracepointBuffer: "tp_buffer"
    case .kernelObject: "ptr_"
    case .kernelObjectOrNull: "ptr_or_null_"
    case .dynptr: "dynptr_ptr"
    }
  }
}

/// What is known of a register: a plain value, copied when a path forks.
struct RegisterState: Hashable, Sendable {
  var kind: RegisterKind
  /// The frame that a stack address belongs to.
  var frame: UInt8 = 0
  /// What memory of a known size is; which kind of socket, kernel object or dynptr.
  var detail: UInt8 = 0
  /// The map, by its index in the program; the first slot of a function.
  var map: Int32 = -1
  /// The known part of a pointer's distance from the start of what it points into. Of a scalar with
  /// ``isLinkedByDistance``: its distance from the others of the same ``id``.
  var offset: Int32 = 0
  /// Values with the same number other than 0 came from the same source: what a test shows about
  /// one holds for all of them.
  var id: UInt32 = 0
  /// The reference that this is a handle on; 0 if there is none to give back.
  var reference: UInt32 = 0
  /// Of packet addresses: bytes from the start of the packet (plus the unknown part) that are known
  /// to be inside. Of memory: its size.
  var range: UInt32 = 0
  /// Where the number comes from: an index into ``Provenance``.
  var source: UInt32 = 0
  /// Whether a scalar's ``offset`` is a distance from the others of its id.
  var isLinkedByDistance = false
  /// A number, or the unknown part of a pointer's distance.
  var scalar: Scalar

  /// ``detail`` of memory that must not be written.
  static let readOnly: UInt8 = 1
  /// ``detail`` of memory in a ring buffer, as it was reserved.
  static let reserved: UInt8 = 2

  @inline(__always) static var uninitialized: RegisterState {
    RegisterState(kind: .uninitialized, scalar: Scalar(constant: 0))
  }
  @inline(__always) static var unknown: RegisterState {
    RegisterState(kind: .scalar, scalar: .anything)
  }

  @inline(__always)
  init(kind: RegisterKind, scalar: Scalar) {
    self.kind = kind
    self.scalar = scalar
  }

  /// A number.
  @inline(__always)
  init(_ scalar: Scalar) {
    kind = .scalar
    self.scalar = scalar
  }

  @inline(__always)
  init(constant: UInt64) {
    self.init(Scalar(constant: constant))
  }

  /// A pointer to the start of something.
  static func pointer(_ kind: RegisterKind, map: Int32 = -1) -> RegisterState {
    var state = RegisterState(kind: kind, scalar: Scalar(constant: 0))
    state.map = map
    return state
  }

  /// A frame's stack, at its upper end.
  static func stackPointer(frame: Int) -> RegisterState {
    var state = pointer(.stack)
    state.frame = UInt8(truncatingIfNeeded: frame)
    return state
  }

  @inline(__always) var isScalar: Bool { kind == .scalar }
  /// Whether it is the number 0.
  var isZero: Bool { kind == .scalar && scalar.constant == 0 }
  var constant: UInt64? { kind == .scalar ? scalar.constant : nil }
  /// Whether a pointer's distance is known exactly.
  var hasFixedOffset: Bool { scalar.isConstant }
  /// The distance, if it is known exactly.
  var fixedOffset: Int64? {
    scalar.constant.map { Int64(offset) &+ Int64(bitPattern: $0) }
  }

  /// Linux's word for it in messages.
  var typeName: String {
    let orNull = kind.mayBeNull ? "_or_null" : ""
    switch kind {
    case .memory, .memoryOrNull: return (detail == Self.reserved ? "ringbuf_mem" : "mem") + orNull
    case .socket, .socketOrNull:
      switch HelperSignature.Socket(rawValue: detail) {
      case .common: return "sock_common" + orNull
      case .tcp: return "tcp_sock" + orNull
      case .xdp: return "xdp_sock" + orNull
      default: return "sock" + orNull
      }
    case .kernelObject: return kernelObject?.typeName ?? "ptr_"
    case .kernelObjectOrNull:
      return (kernelObject?.isTrusted == true ? "trusted_ptr_or_null_" : "ptr_or_null_")
        + (kernelObject?.name ?? "")
    default: return kind.logName
    }
  }

  /// Which structure of the kernel it points to.
  var kernelObject: KernelObject? {
    kind == .kernelObject || kind == .kernelObjectOrNull ? KernelObject(rawValue: detail) : nil
  }

  /// The address of a structure of the kernel.
  static func pointer(_ object: KernelObject, orNull: Bool = false) -> RegisterState {
    var state = pointer(orNull ? .kernelObjectOrNull : .kernelObject)
    state.detail = object.rawValue
    return state
  }

  mutating func unlink() {
    id = 0
    offset = 0
    isLinkedByDistance = false
  }
}
