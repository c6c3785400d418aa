/// Every operation a BPF program can contain, one case per distinct behaviour.
///
/// Raw values are dense, so an engine's dispatch over them is one jump table. What a case means
/// and how it is encoded is said once, in ``kind`` and ``Encoding``: decoder, encoder, assembler,
/// disassembler and engines all go by it.
public enum Operation: UInt8, CaseIterable, Sendable {
  // 64-bit arithmetic: RFC 9669 section 4.1.
  case add64Immediate
  case add64Register
  case subtract64Immediate
  case subtract64Register
  case multiply64Immediate
  case multiply64Register
  case divide64Immediate
  case divide64Register
  case signedDivide64Immediate
  case signedDivide64Register
  case or64Immediate
  case or64Register
  case and64Immediate
  case and64Register
  case shiftLeft64Immediate
  case shiftLeft64Register
  case shiftRight64Immediate
  case shiftRight64Register
  case modulo64Immediate
  case modulo64Register
  case signedModulo64Immediate
  case signedModulo64Register
  case xor64Immediate
  case xor64Register
  case move64Immediate
  case move64Register
  case arithmeticShiftRight64Immediate
  case arithmeticShiftRight64Register
  case signExtendingMove64From8
  case signExtendingMove64From16
  case signExtendingMove64From32
  case negate64

  // 32-bit arithmetic: RFC 9669 section 4.1.
  case add32Immediate
  case add32Register
  case subtract32Immediate
  case subtract32Register
  case multiply32Immediate
  case multiply32Register
  case divide32Immediate
  case divide32Register
  case signedDivide32Immediate
  case signedDivide32Register
  case or32Immediate
  case or32Register
  case and32Immediate
  case and32Register
  case shiftLeft32Immediate
  case shiftLeft32Register
  case shiftRight32Immediate
  case shiftRight32Register
  case modulo32Immediate
  case modulo32Register
  case signedModulo32Immediate
  case signedModulo32Register
  case xor32Immediate
  case xor32Register
  case move32Immediate
  case move32Register
  case arithmeticShiftRight32Immediate
  case arithmeticShiftRight32Register
  case signExtendingMove32From8
  case signExtendingMove32From16
  case negate32

  // Byte order: RFC 9669 section 4.2.
  case toLittleEndian16
  case toLittleEndian32
  case toLittleEndian64
  case toBigEndian16
  case toBigEndian32
  case toBigEndian64
  case swapBytes16
  case swapBytes32
  case swapBytes64

  // Jumps: RFC 9669 section 4.3; `mayGoto` is Linux's own.
  case jump
  case jumpLong
  case mayGoto
  case jumpIfEqual64Immediate
  case jumpIfEqual64Register
  case jumpIfGreater64Immediate
  case jumpIfGreater64Register
  case jumpIfGreaterOrEqual64Immediate
  case jumpIfGreaterOrEqual64Register
  case jumpIfBitsSet64Immediate
  case jumpIfBitsSet64Register
  case jumpIfNotEqual64Immediate
  case jumpIfNotEqual64Register
  case jumpIfSignedGreater64Immediate
  case jumpIfSignedGreater64Register
  case jumpIfSignedGreaterOrEqual64Immediate
  case jumpIfSignedGreaterOrEqual64Register
  case jumpIfLess64Immediate
  case jumpIfLess64Register
  case jumpIfLessOrEqual64Immediate
  case jumpIfLessOrEqual64Register
  case jumpIfSignedLess64Immediate
  case jumpIfSignedLess64Register
  case jumpIfSignedLessOrEqual64Immediate
  case jumpIfSignedLessOrEqual64Register
  case jumpIfEqual32Immediate
  case jumpIfEqual32Register
  case jumpIfGreater32Immediate
  case jumpIfGreater32Register
  case jumpIfGreaterOrEqual32Immediate
  case jumpIfGreaterOrEqual32Register
  case jumpIfBitsSet32Immediate
  case jumpIfBitsSet32Register
  case jumpIfNotEqual32Immediate
  case jumpIfNotEqual32Register
  case jumpIfSignedGreater32Immediate
  case jumpIfSignedGreater32Register
  case jumpIfSignedGreaterOrEqual32Immediate
  case jumpIfSignedGreaterOrEqual32Register
  case jumpIfLess32Immediate
  case jumpIfLess32Register
  case jumpIfLessOrEqual32Immediate
  case jumpIfLessOrEqual32Register
  case jumpIfSignedLess32Immediate
  case jumpIfSignedLess32Register
  case jumpIfSignedLessOrEqual32Immediate
  case jumpIfSignedLessOrEqual32Register

  // Calls and return: RFC 9669 section 4.3; `callRegister` is clang's callx.
  case tailCall
  case callHelper
  case callSubprogram
  case callKernelFunction
  case callRegister
  case exit

  // Wide immediate, legacy packet access: RFC 9669 sections 5.4 and 5.5.
  case loadImmediate64
  case loadPacketAbsoluteByte
  case loadPacketAbsoluteHalf
  case loadPacketAbsoluteWord
  case loadPacketIndirectByte
  case loadPacketIndirectHalf
  case loadPacketIndirectWord

  // Loads and stores: RFC 9669 sections 5.1 and 5.2.
  case loadByte
  case loadHalf
  case loadWord
  case loadDoubleWord
  case loadSignExtendedByte
  case loadSignExtendedHalf
  case loadSignExtendedWord
  case storeByteImmediate
  case storeHalfImmediate
  case storeWordImmediate
  case storeDoubleWordImmediate
  case storeByteRegister
  case storeHalfRegister
  case storeWordRegister
  case storeDoubleWordRegister

  // Atomics: RFC 9669 section 5.3; acquire and release are Linux's own.
  case atomicAddWord
  case atomicOrWord
  case atomicAndWord
  case atomicXorWord
  case atomicFetchAddWord
  case atomicFetchOrWord
  case atomicFetchAndWord
  case atomicFetchXorWord
  case atomicExchangeWord
  case atomicCompareExchangeWord
  case atomicAddDoubleWord
  case atomicOrDoubleWord
  case atomicAndDoubleWord
  case atomicXorDoubleWord
  case atomicFetchAddDoubleWord
  case atomicFetchOrDoubleWord
  case atomicFetchAndDoubleWord
  case atomicFetchXorDoubleWord
  case atomicExchangeDoubleWord
  case atomicCompareExchangeDoubleWord
  case loadAcquireByte
  case loadAcquireHalf
  case loadAcquireWord
  case loadAcquireDoubleWord
  case storeReleaseByte
  case storeReleaseHalf
  case storeReleaseWord
  case storeReleaseDoubleWord
}

extension Operation {
  /// The meaning, with its parameters.
  public var kind: Kind { Self.kinds[Int(rawValue)] }

  // The one opcode table: row by row in the order of the cases above.
  // swift-format-ignore
  private static let kinds: [Kind] = [
    .arithmetic(.add, .bits64, .immediate),  // add64Immediate
    .arithmetic(.add, .bits64, .register),  // add64Register
    .arithmetic(.subtract, .bits64, .immediate),  // subtract64Immediate
    .arithmetic(.subtract, .bits64, .register),  // subtract64Register
    .arithmetic(.multiply, .bits64, .immediate),  // multiply64Immediate
    .arithmetic(.multiply, .bits64, .register),  // multiply64Register
    .arithmetic(.divide, .bits64, .immediate),  // divide64Immediate
    .arithmetic(.divide, .bits64, .register),  // divide64Register
    .arithmetic(.signedDivide, .bits64, .immediate),  // signedDivide64Immediate
    .arithmetic(.signedDivide, .bits64, .register),  // signedDivide64Register
    .arithmetic(.or, .bits64, .immediate),  // or64Immediate
    .arithmetic(.or, .bits64, .register),  // or64Register
    .arithmetic(.and, .bits64, .immediate),  // and64Immediate
    .arithmetic(.and, .bits64, .register),  // and64Register
    .arithmetic(.shiftLeft, .bits64, .immediate),  // shiftLeft64Immediate
    .arithmetic(.shiftLeft, .bits64, .register),  // shiftLeft64Register
    .arithmetic(.shiftRight, .bits64, .immediate),  // shiftRight64Immediate
    .arithmetic(.shiftRight, .bits64, .register),  // shiftRight64Register
    .arithmetic(.modulo, .bits64, .immediate),  // modulo64Immediate
    .arithmetic(.modulo, .bits64, .register),  // modulo64Register
    .arithmetic(.signedModulo, .bits64, .immediate),  // signedModulo64Immediate
    .arithmetic(.signedModulo, .bits64, .register),  // signedModulo64Register
    .arithmetic(.xor, .bits64, .immediate),  // xor64Immediate
    .arithmetic(.xor, .bits64, .register),  // xor64Register
    .arithmetic(.move, .bits64, .immediate),  // move64Immediate
    .arithmetic(.move, .bits64, .register),  // move64Register
    .arithmetic(.arithmeticShiftRight, .bits64, .immediate),  // arithmeticShiftRight64Immediate
    .arithmetic(.arithmeticShiftRight, .bits64, .register),  // arithmeticShiftRight64Register
    .signExtendingMove(fromBits: 8, .bits64),  // signExtendingMove64From8
    .signExtendingMove(fromBits: 16, .bits64),  // signExtendingMove64From16
    .signExtendingMove(fromBits: 32, .bits64),  // signExtendingMove64From32
    .negate(.bits64),  // negate64
    .arithmetic(.add, .bits32, .immediate),  // add32Immediate
    .arithmetic(.add, .bits32, .register),  // add32Register
    .arithmetic(.subtract, .bits32, .immediate),  // subtract32Immediate
    .arithmetic(.subtract, .bits32, .register),  // subtract32Register
    .arithmetic(.multiply, .bits32, .immediate),  // multiply32Immediate
    .arithmetic(.multiply, .bits32, .register),  // multiply32Register
    .arithmetic(.divide, .bits32, .immediate),  // divide32Immediate
    .arithmetic(.divide, .bits32, .register),  // divide32Register
    .arithmetic(.signedDivide, .bits32, .immediate),  // signedDivide32Immediate
    .arithmetic(.signedDivide, .bits32, .register),  // signedDivide32Register
    .arithmetic(.or, .bits32, .immediate),  // or32Immediate
    .arithmetic(.or, .bits32, .register),  // or32Register
    .arithmetic(.and, .bits32, .immediate),  // and32Immediate
    .arithmetic(.and, .bits32, .register),  // and32Register
    .arithmetic(.shiftLeft, .bits32, .immediate),  // shiftLeft32Immediate
    .arithmetic(.shiftLeft, .bits32, .register),  // shiftLeft32Register
    .arithmetic(.shiftRight, .bits32, .immediate),  // shiftRight32Immediate
    .arithmetic(.shiftRight, .bits32, .register),  // shiftRight32Register
    .arithmetic(.modulo, .bits32, .immediate),  // modulo32Immediate
    .arithmetic(.modulo, .bits32, .register),  // modulo32Register
    .arithmetic(.signedModulo, .bits32, .immediate),  // signedModulo32Immediate
    .arithmetic(.signedModulo, .bits32, .register),  // signedModulo32Register
    .arithmetic(.xor, .bits32, .immediate),  // xor32Immediate
    .arithmetic(.xor, .bits32, .register),  // xor32Register
    .arithmetic(.move, .bits32, .immediate),  // move32Immediate
    .arithmetic(.move, .bits32, .register),  // move32Register
    .arithmetic(.arithmeticShiftRight, .bits32, .immediate),  // arithmeticShiftRight32Immediate
    .arithmetic(.arithmeticShiftRight, .bits32, .register),  // arithmeticShiftRight32Register
    .signExtendingMove(fromBits: 8, .bits32),  // signExtendingMove32From8
    .signExtendingMove(fromBits: 16, .bits32),  // signExtendingMove32From16
    .negate(.bits32),  // negate32
    .byteOrder(.toLittleEndian, bits: 16),  // toLittleEndian16
    .byteOrder(.toLittleEndian, bits: 32),  // toLittleEndian32
    .byteOrder(.toLittleEndian, bits: 64),  // toLittleEndian64
    .byteOrder(.toBigEndian, bits: 16),  // toBigEndian16
    .byteOrder(.toBigEndian, bits: 32),  // toBigEndian32
    .byteOrder(.toBigEndian, bits: 64),  // toBigEndian64
    .byteOrder(.swap, bits: 16),  // swapBytes16
    .byteOrder(.swap, bits: 32),  // swapBytes32
    .byteOrder(.swap, bits: 64),  // swapBytes64
    .jump(long: false),  // jump
    .jump(long: true),  // jumpLong
    .mayGoto,  // mayGoto
    .branch(.equal, .bits64, .immediate),  // jumpIfEqual64Immediate
    .branch(.equal, .bits64, .register),  // jumpIfEqual64Register
    .branch(.greater, .bits64, .immediate),  // jumpIfGreater64Immediate
    .branch(.greater, .bits64, .register),  // jumpIfGreater64Register
    .branch(.greaterOrEqual, .bits64, .immediate),  // jumpIfGreaterOrEqual64Immediate
    .branch(.greaterOrEqual, .bits64, .register),  // jumpIfGreaterOrEqual64Register
    .branch(.bitsSet, .bits64, .immediate),  // jumpIfBitsSet64Immediate
    .branch(.bitsSet, .bits64, .register),  // jumpIfBitsSet64Register
    .branch(.notEqual, .bits64, .immediate),  // jumpIfNotEqual64Immediate
    .branch(.notEqual, .bits64, .register),  // jumpIfNotEqual64Register
    .branch(.signedGreater, .bits64, .immediate),  // jumpIfSignedGreater64Immediate
    .branch(.signedGreater, .bits64, .register),  // jumpIfSignedGreater64Register
    .branch(.signedGreaterOrEqual, .bits64, .immediate),  // jumpIfSignedGreaterOrEqual64Immediate
    .branch(.signedGreaterOrEqual, .bits64, .register),  // jumpIfSignedGreaterOrEqual64Register
    .branch(.less, .bits64, .immediate),  // jumpIfLess64Immediate
    .branch(.less, .bits64, .register),  // jumpIfLess64Register
    .branch(.lessOrEqual, .bits64, .immediate),  // jumpIfLessOrEqual64Immediate
    .branch(.lessOrEqual, .bits64, .register),  // jumpIfLessOrEqual64Register
    .branch(.signedLess, .bits64, .immediate),  // jumpIfSignedLess64Immediate
    .branch(.signedLess, .bits64, .register),  // jumpIfSignedLess64Register
    .branch(.signedLessOrEqual, .bits64, .immediate),  // jumpIfSignedLessOrEqual64Immediate
    .branch(.signedLessOrEqual, .bits64, .register),  // jumpIfSignedLessOrEqual64Register
    .branch(.equal, .bits32, .immediate),  // jumpIfEqual32Immediate
    .branch(.equal, .bits32, .register),  // jumpIfEqual32Register
    .branch(.greater, .bits32, .immediate),  // jumpIfGreater32Immediate
    .branch(.greater, .bits32, .register),  // jumpIfGreater32Register
    .branch(.greaterOrEqual, .bits32, .immediate),  // jumpIfGreaterOrEqual32Immediate
    .branch(.greaterOrEqual, .bits32, .register),  // jumpIfGreaterOrEqual32Register
    .branch(.bitsSet, .bits32, .immediate),  // jumpIfBitsSet32Immediate
    .branch(.bitsSet, .bits32, .register),  // jumpIfBitsSet32Register
    .branch(.notEqual, .bits32, .immediate),  // jumpIfNotEqual32Immediate
    .branch(.notEqual, .bits32, .register),  // jumpIfNotEqual32Register
    .branch(.signedGreater, .bits32, .immediate),  // jumpIfSignedGreater32Immediate
    .branch(.signedGreater, .bits32, .register),  // jumpIfSignedGreater32Register
    .branch(.signedGreaterOrEqual, .bits32, .immediate),  // jumpIfSignedGreaterOrEqual32Immediate
    .branch(.signedGreaterOrEqual, .bits32, .register),  // jumpIfSignedGreaterOrEqual32Register
    .branch(.less, .bits32, .immediate),  // jumpIfLess32Immediate
    .branch(.less, .bits32, .register),  // jumpIfLess32Register
    .branch(.lessOrEqual, .bits32, .immediate),  // jumpIfLessOrEqual32Immediate
    .branch(.lessOrEqual, .bits32, .register),  // jumpIfLessOrEqual32Register
    .branch(.signedLess, .bits32, .immediate),  // jumpIfSignedLess32Immediate
    .branch(.signedLess, .bits32, .register),  // jumpIfSignedLess32Register
    .branch(.signedLessOrEqual, .bits32, .immediate),  // jumpIfSignedLessOrEqual32Immediate
    .branch(.signedLessOrEqual, .bits32, .register),  // jumpIfSignedLessOrEqual32Register
    .tailCall,  // tailCall
    .callHelper,  // callHelper
    .callSubprogram,  // callSubprogram
    .callKernelFunction,  // callKernelFunction
    .callRegister,  // callRegister
    .exit,  // exit
    .loadImmediate64,  // loadImmediate64
    .loadPacket(.byte, indirect: false),  // loadPacketAbsoluteByte
    .loadPacket(.half, indirect: false),  // loadPacketAbsoluteHalf
    .loadPacket(.word, indirect: false),  // loadPacketAbsoluteWord
    .loadPacket(.byte, indirect: true),  // loadPacketIndirectByte
    .loadPacket(.half, indirect: true),  // loadPacketIndirectHalf
    .loadPacket(.word, indirect: true),  // loadPacketIndirectWord
    .load(.byte, signExtended: false),  // loadByte
    .load(.half, signExtended: false),  // loadHalf
    .load(.word, signExtended: false),  // loadWord
    .load(.doubleWord, signExtended: false),  // loadDoubleWord
    .load(.byte, signExtended: true),  // loadSignExtendedByte
    .load(.half, signExtended: true),  // loadSignExtendedHalf
    .load(.word, signExtended: true),  // loadSignExtendedWord
    .store(.byte, .immediate),  // storeByteImmediate
    .store(.half, .immediate),  // storeHalfImmediate
    .store(.word, .immediate),  // storeWordImmediate
    .store(.doubleWord, .immediate),  // storeDoubleWordImmediate
    .store(.byte, .register),  // storeByteRegister
    .store(.half, .register),  // storeHalfRegister
    .store(.word, .register),  // storeWordRegister
    .store(.doubleWord, .register),  // storeDoubleWordRegister
    .atomic(.add, .word),  // atomicAddWord
    .atomic(.or, .word),  // atomicOrWord
    .atomic(.and, .word),  // atomicAndWord
    .atomic(.xor, .word),  // atomicXorWord
    .atomic(.fetchAdd, .word),  // atomicFetchAddWord
    .atomic(.fetchOr, .word),  // atomicFetchOrWord
    .atomic(.fetchAnd, .word),  // atomicFetchAndWord
    .atomic(.fetchXor, .word),  // atomicFetchXorWord
    .atomic(.exchange, .word),  // atomicExchangeWord
    .atomic(.compareExchange, .word),  // atomicCompareExchangeWord
    .atomic(.add, .doubleWord),  // atomicAddDoubleWord
    .atomic(.or, .doubleWord),  // atomicOrDoubleWord
    .atomic(.and, .doubleWord),  // atomicAndDoubleWord
    .atomic(.xor, .doubleWord),  // atomicXorDoubleWord
    .atomic(.fetchAdd, .doubleWord),  // atomicFetchAddDoubleWord
    .atomic(.fetchOr, .doubleWord),  // atomicFetchOrDoubleWord
    .atomic(.fetchAnd, .doubleWord),  // atomicFetchAndDoubleWord
    .atomic(.fetchXor, .doubleWord),  // atomicFetchXorDoubleWord
    .atomic(.exchange, .doubleWord),  // atomicExchangeDoubleWord
    .atomic(.compareExchange, .doubleWord),  // atomicCompareExchangeDoubleWord
    .loadAcquire(.byte),  // loadAcquireByte
    .loadAcquire(.half),  // loadAcquireHalf
    .loadAcquire(.word),  // loadAcquireWord
    .loadAcquire(.doubleWord),  // loadAcquireDoubleWord
    .storeRelease(.byte),  // storeReleaseByte
    .storeRelease(.half),  // storeReleaseHalf
    .storeRelease(.word),  // storeReleaseWord
    .storeRelease(.doubleWord),  // storeReleaseDoubleWord
  ]
}
