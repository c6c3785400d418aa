/// BTF that Linux has checked and keeps.
public final class KernelBTF: Sendable {
  /// The blob's descriptor.
  public let descriptor: KernelDescriptor

  private static let logByteCount = 1 << 16

  /// Loads type information in the form that Linux takes: see ``BPFObject/ObjectFile/kernelBTF()``
  /// for that of an object.
  ///
  /// - Throws: ``KernelError`` with what the kernel's BTF checker said.
  public init(bytes: [UInt8]) throws(KernelError) {
    var memory = Scratch(byteCounts: [bytes.count, Self.logByteCount])
    let log = memory.reserve(Self.logByteCount)
    var attribute = Attribute()
    attribute.store(wide: memory.place(bytes).address, at: 0)
    attribute.store(wide: log.address, at: 8)
    attribute.store(UInt32(truncatingIfNeeded: bytes.count), at: 16)
    attribute.store(UInt32(Self.logByteCount), at: 20)
    attribute.store(1, at: 24)
    do throws(KernelErrno) {
      descriptor = KernelDescriptor(owning: try attribute.perform(.btfLoad, with: memory))
    } catch {
      throw KernelError(operation: "load BTF", errno: error, log: memory.text(of: log))
    }
  }
}
