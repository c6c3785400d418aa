public import BPFInstructions

/// A program that Linux has verified and compiled.
public final class KernelProgram: Sendable {
  /// The program's descriptor.
  public let descriptor: KernelDescriptor
  /// What the verifier said, when a log level asked for it; empty otherwise.
  public let verifierLog: String

  /// Loads a program.
  ///
  /// Map references in `instructions` name descriptors of this process (pseudo sources 1 and 2).
  ///
  /// - Throws: ``KernelError`` with errno and the verifier's log.
  public init(_ instructions: [Instruction], _ options: Options) throws(KernelError) {
    var attempt = LoadAttempt(instructions, options)
    do throws(KernelErrno) {
      descriptor = KernelDescriptor(owning: try attempt.run())
    } catch {
      throw KernelError(
        operation: "load program '\(options.name)'", errno: error, log: attempt.log)
    }
    verifierLog = attempt.log
  }

  /// Opens a program of the system by its id.
  ///
  /// - Throws: ``KernelErrno``; `ENOENT` when there is no such program.
  public init(identifier: UInt32) throws(KernelErrno) {
    var attribute = Attribute()
    attribute.store(identifier, at: 0)
    descriptor = KernelDescriptor(
      owning: try attribute.perform(.programDescriptorByIdentifier))
    verifierLog = ""
  }

  /// The descriptor as the value of a program array's slot (R4.4).
  public var slotValue: [UInt8] { KernelBytes.word(UInt32(bitPattern: descriptor.rawValue)) }

  /// Asks Linux about the program.
  public var facts: Facts {
    get throws(KernelErrno) {
      let fields = try Information(of: descriptor, byteCount: 224)
      return Facts(
        type: fields[0], identifier: fields[4], tag: fields.bytes(8..<16),
        machineCodeByteCount: fields[16],
        rewrittenByteCount: fields[20], verifiedInstructionCount: fields[216])
    }
  }
}

extension KernelProgram {
  /// Where a function starts and what its type is: one record of `func_info`.
  public struct FunctionInfo: Hashable, Sendable {
    /// First slot of the function.
    public var slot: UInt32
    /// The function's id in the program's BTF.
    public var typeID: UInt32

    /// Pairs a slot with a type.
    public init(slot: UInt32, typeID: UInt32) {
      self.slot = slot
      self.typeID = typeID
    }
  }

  /// What Linux wants to know about a program besides its instructions.
  public struct Options: Sendable {
    /// Linux's number of the program type: 1 socket filter, 3 TC, 6 XDP, 17 raw tracepoint, ...
    public var type: UInt32
    /// Linux's number of the attach type; zero where the program type has none.
    public var expectedAttachType: UInt32
    /// The licence that decides which helpers may be called.
    public var license: String
    /// Up to 15 bytes are kept.
    public var name: String
    /// `BPF_F_*` of program loading: 16 sleepable, 32 XDP with fragments.
    public var flags: UInt32
    /// Types; together with ``functionInfo`` what R2.9 asks for.
    public var btf: KernelBTF?
    /// One record per function, in order of slots; empty without BTF.
    public var functionInfo: [FunctionInfo]
    /// 0: a log only of a refused program; 1 or 2: always, 2 with every state.
    public var logLevel: UInt32

    /// Options for a program type.
    public init(
      type: UInt32, expectedAttachType: UInt32 = 0, license: String = "GPL", name: String = "",
      flags: UInt32 = 0, btf: KernelBTF? = nil, functionInfo: [FunctionInfo] = [],
      logLevel: UInt32 = 0
    ) {
      self.type = type
      self.expectedAttachType = expectedAttachType
      self.license = license
      self.name = name
      self.flags = flags
      self.btf = btf
      self.functionInfo = functionInfo
      self.logLevel = logLevel
    }
  }

  /// What Linux tells about the program.
  public struct Facts: Hashable, Sendable {
    /// Linux's number of the program type.
    public var type: UInt32
    /// The id in the system.
    public var identifier: UInt32
    /// The eight bytes that tell its instructions from others.
    public var tag: [UInt8]
    /// Bytes of machine code; zero when it is interpreted.
    public var machineCodeByteCount: UInt32
    /// Bytes of instructions after the verifier's rewriting.
    public var rewrittenByteCount: UInt32
    /// Instructions that the verifier looked at; zero on kernels that do not say.
    public var verifiedInstructionCount: UInt32
  }
}
