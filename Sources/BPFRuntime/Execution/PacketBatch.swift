/// Packets that one program runs on, one after the other, without coming back to Swift in between.
///
/// ```swift
/// let batch = try PacketBatch(type: .xdp)
/// for packet in packets { try batch.append(packet) }
/// try cpu.run(program, over: batch)
/// for (index, result) in batch.results.enumerated() where result.returnValue == 2 {
///   pass(batch[index].packet)
/// }
/// batch.removeAll()
/// ```
///
/// A batch belongs to one thread at a time, and can be filled again and again: its buffers stay.
public final class PacketBatch {
  /// What became of one packet.
  public struct Result: Hashable, Sendable {
    /// r0 of the program that ended the run.
    public var returnValue: UInt64
    /// Bytes of the packet as the program left it, fragments included, metadata not.
    public var packetByteCount: Int
  }

  /// How many packets fit.
  public let capacity: Int
  /// How many packets there are.
  public private(set) var count = 0
  /// How many of the packets the last run has finished: all of them, unless there was a fault.
  public internal(set) var finishedCount = 0

  /// What tells the layout of its contexts from others.
  let access: ContextAccessTable
  /// Bytes of a context's C struct, if programs see them as they are; 0 otherwise.
  let plainByteCount: UInt32
  private let contexts: [PacketContext]
  private let items: StableMemory

  /// Makes an empty batch for programs of a type.
  ///
  /// - Parameters:
  ///   - type: One whose context has a packet.
  ///   - capacity: How many packets fit, from 1.
  ///   - packetCapacity: Bytes of the largest packet that fits without another allocation.
  /// - Throws: ENOMEM; EINVAL when the type's context has no packet, or for a capacity of 0.
  public init(
    type: ProgramType, capacity: Int = 64, packetCapacity: Int = 1522
  ) throws(LinuxError) {
    guard (1...Int(Int32.max / BatchItem.byteCount)).contains(capacity) else { throw .invalid }
    var contexts: [PacketContext] = []
    contexts.reserveCapacity(capacity)
    for _ in 0..<capacity {
      contexts.append(try PacketContext(type: type, capacity: packetCapacity))
    }
    items = try StableMemory(byteCount: capacity * Int(BatchItem.byteCount))
    self.contexts = contexts
    self.capacity = capacity
    access = contexts[0].access
    plainByteCount = contexts[0].plainByteCount
  }

  /// Whether no other packet fits.
  public var isFull: Bool { count == capacity }

  /// The context of a packet: the packet as it is now, and everything else about it.
  ///
  /// - Precondition: There is such a packet.
  public subscript(index: Int) -> PacketContext {
    precondition((0..<count).contains(index), "there is no such packet")
    return contexts[index]
  }

  /// Adds a packet behind the others.
  ///
  /// - Throws: E2BIG when the batch is full; as ``PacketContext/load(_:metadata:)-(RawSpan,_)``.
  public func append(_ packet: RawSpan, metadata: Int = 0) throws(LinuxError) {
    guard !isFull else { throw .tooBig }
    try contexts[count].load(packet, metadata: metadata)
    takeIn()
  }

  /// Adds a packet behind the others; see ``append(_:metadata:)-(RawSpan,_)``.
  public func append(_ packet: [UInt8], metadata: Int = 0) throws(LinuxError) {
    guard !isFull else { throw .tooBig }
    try contexts[count].load(packet, metadata: metadata)
    takeIn()
  }

  private func takeIn() {
    let context = contexts[count]
    let item = address(of: count)
    func put(_ offset: Int32, _ value: UInt64) {
      GuestMemory.store(item &+ UInt64(offset), value, as: UInt64.self)
    }
    put(BatchItem.contextOffset, context.firstArgument)
    put(BatchItem.packetOffset, context.packetAddress)
    put(BatchItem.resultOffset, 0)
    count += 1
  }

  /// Takes all packets out; their buffers stay for the next ones.
  public func removeAll() {
    count = 0
    finishedCount = 0
  }

  /// r0 after the last run on a packet.
  ///
  /// - Precondition: The last run has finished it.
  public func returnValue(at index: Int) -> UInt64 {
    precondition((0..<finishedCount).contains(index), "the run has not finished this packet")
    return GuestMemory.load(
      address(of: index) &+ UInt64(BatchItem.resultOffset), as: UInt64.self)
  }

  /// What became of the packets that the last run has finished, in order.
  public var results: [Result] {
    (0..<finishedCount).map { index in
      let byteCount = contexts[index].descriptor?.byteCount ?? 0
      return Result(
        returnValue: returnValue(at: index), packetByteCount: Int(truncatingIfNeeded: byteCount))
    }
  }

  /// Address of an item, or of the place behind the last one.
  func address(of index: Int) -> UInt64 {
    items.address &+ UInt64(index) &* UInt64(BatchItem.byteCount)
  }

  /// The number of the item at an address.
  func index(of address: UInt64) -> Int {
    Int(truncatingIfNeeded: (address &- items.address) / UInt64(BatchItem.byteCount))
  }

  func setReturnValue(_ value: UInt64, at index: Int) {
    GuestMemory.store(
      address(of: index) &+ UInt64(BatchItem.resultOffset), value, as: UInt64.self)
  }
}
