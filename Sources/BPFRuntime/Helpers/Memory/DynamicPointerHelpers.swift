/// Pointers with a size, kept in sixteen bytes of the program's stack (`struct bpf_dynptr`).
///
/// The bytes are the address, the size and the offset; a program cannot read them in Linux. In a
/// checked run they are believed only as far as what they delimit is the program's memory.

extension Helper {
  /// What every type of program may call.
  static let dynamicPointers: [Helper] = [
    dynamicPointerFromMemory, dynamicPointerRead, dynamicPointerWrite, dynamicPointerData,
  ]

  /// `bpf_dynptr_from_mem`: describes memory. EINVAL for flags, E2BIG for more than 16 MiB; the
  /// pointer is then one to nothing.
  static let dynamicPointerFromMemory = Helper(
    number: 197, name: "dynptr_from_mem",
    arguments: [
      .writableMemory(), .size(allowsZero: true), .anything, .fixedMemory(byteCount: 16),
    ]
  ) { memory, size, flags, pointer, _, _ in
    let size = size.asUInt32
    let error: LinuxError? =
      size > DynamicPointer.sizeLimit ? .tooBig : flags != 0 ? .invalid : nil
    if let error {
      DynamicPointer(address: 0, size: 0).store(at: pointer)
      return error.helperResult
    }
    DynamicPointer(address: memory, size: size).store(at: pointer)
    return 0
  }

  /// `bpf_dynptr_read`: copies bytes out. EINVAL for flags or a pointer to nothing, E2BIG for bytes
  /// beyond its end.
  static let dynamicPointerRead = Helper(
    number: 201, name: "dynptr_read",
    arguments: [
      .writableMemory(), .size(allowsZero: true), .fixedMemory(byteCount: 16), .anything, .anything,
    ]
  ) { target, size, pointer, offset, flags, cpu in
    let pointer = DynamicPointer(at: pointer)
    switch pointer.range(offset, size, flags, RunningCPU(address: cpu), isWrite: false) {
    case .failure(let error): return error.helperResult
    case .success(let source):
      GuestMemory.move(source, to: target, count: Int(size.asUInt32))
      return 0
    }
  }

  /// `bpf_dynptr_write`: copies bytes in; errors as ``dynamicPointerRead``.
  static let dynamicPointerWrite = Helper(
    number: 202, name: "dynptr_write",
    arguments: [
      .fixedMemory(byteCount: 16), .anything, .readableMemory(), .size(allowsZero: true), .anything,
    ]
  ) { pointer, offset, source, size, flags, cpu in
    let pointer = DynamicPointer(at: pointer)
    switch pointer.range(offset, size, flags, RunningCPU(address: cpu), isWrite: true) {
    case .failure(let error): return error.helperResult
    case .success(let target):
      GuestMemory.move(source, to: target, count: Int(size.asUInt32))
      return 0
    }
  }

  /// `bpf_dynptr_data`: the address of bytes inside; 0 when they are not.
  static let dynamicPointerData = Helper(
    number: 203, name: "dynptr_data",
    arguments: [.fixedMemory(byteCount: 16), .anything, .anything]
  ) { pointer, offset, size, _, _, cpu in
    let pointer = DynamicPointer(at: pointer)
    let range = pointer.range(offset, size, 0, RunningCPU(address: cpu), isWrite: true)
    return (try? range.get()) ?? 0
  }
}

/// What stands in the sixteen bytes.
struct DynamicPointer {
  /// Where the memory starts; 0 for nothing.
  var address: UInt64
  /// Bytes.
  var size: UInt64

  /// The most that one can describe (`DYNPTR_MAX_SIZE`).
  static let sizeLimit: UInt64 = (1 << 24) - 1

  init(address: UInt64, size: UInt64) {
    self.address = address
    self.size = size
  }

  init(at pointer: UInt64) {
    address = GuestMemory.load(pointer, as: UInt64.self)
    size = GuestMemory.load(pointer &+ 8, as: UInt64.self)
  }

  func store(at pointer: UInt64) {
    GuestMemory.store(pointer, address, as: UInt64.self)
    GuestMemory.store(pointer &+ 8, size, as: UInt64.self)
  }

  /// The address of bytes inside.
  func range(
    _ offset: UInt64, _ count: UInt64, _ flags: UInt64, _ cpu: RunningCPU, isWrite: Bool
  ) -> Result<UInt64, LinuxError> {
    // Writing looks at the flags last.
    guard address != 0, flags == 0 || isWrite else { return .failure(.invalid) }
    let offset = offset.asUInt32
    let count = count.asUInt32
    guard count <= size, offset <= size &- count else { return .failure(.tooBig) }
    guard flags == 0 else { return .failure(.invalid) }
    let start = address &+ offset
    guard cpu.mayTouch(start, count: count, isWrite: isWrite) else { return .failure(.invalid) }
    return .success(start)
  }
}
