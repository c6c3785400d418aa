// The interpreter: one loop over pre-decoded instructions.
//
// While it runs it allocates nothing, counts no references and calls through no existential.
// Sixteen register cells instead of eleven let the compiler drop every bounds check: a register
// number has four bits. Cell 11 stays zero and serves absolute packet loads as their index.

import BPFInstructions
import Synchronization

/// Executes decoded programs.
enum Interpreter<Policy: RunPolicy> {
  /// Runs from a program's first instruction, or a subprogram's, to the exit of its last frame,
  /// through any number of tail calls.
  ///
  /// - Returns: r0; meaningless when a fault was noted in the CPU's words.
  // tidy: table (one case per operation)
  @inline(never)
  static func run(
    _ entry: UInt64, _ memory: consuming RunMemory<Policy>, frames: consuming FrameStack,
    arguments: HelperArguments
  ) -> UInt64 {
    let cpu = memory.cpu
    var r = InlineArray<16, UInt64>(repeating: 0)
    for number in 1...5 { r[number] = arguments[number - 1] }
    r[10] = memory.framePointer
    var pc = CodePointer(address: entry)
    var iterationsLeft = Limits.mayGotoIterations
    if Policy.isChecked { memory.enterFrame(r[10]) }

    // tidy: table
    run: while true {
      let i = pc.next()
      if Policy.isChecked, !memory.countInstruction() { break run }
      switch i.operation {
      case .add64Immediate: r[i.d] &+= UInt64(bitPattern: i.immediate)
      case .add64Register: r[i.d] &+= r[i.s]
      case .subtract64Immediate: r[i.d] &-= UInt64(bitPattern: i.immediate)
      case .subtract64Register: r[i.d] &-= r[i.s]
      case .multiply64Immediate: r[i.d] &*= UInt64(bitPattern: i.immediate)
      case .multiply64Register: r[i.d] &*= r[i.s]
      case .divide64Immediate:
        r[i.d] = GuestArithmetic.divide(r[i.d], UInt64(bitPattern: i.immediate))
      case .divide64Register: r[i.d] = GuestArithmetic.divide(r[i.d], r[i.s])
      case .signedDivide64Immediate:
        r[i.d] = UInt64(extending: GuestArithmetic.divide(r[i.d].signed, i.immediate))
      case .signedDivide64Register:
        r[i.d] = UInt64(extending: GuestArithmetic.divide(r[i.d].signed, r[i.s].signed))
      case .or64Immediate: r[i.d] |= UInt64(bitPattern: i.immediate)
      case .or64Register: r[i.d] |= r[i.s]
      case .and64Immediate: r[i.d] &= UInt64(bitPattern: i.immediate)
      case .and64Register: r[i.d] &= r[i.s]
      case .shiftLeft64Immediate: r[i.d] &<<= UInt64(bitPattern: i.immediate)
      case .shiftLeft64Register: r[i.d] &<<= r[i.s]
      case .shiftRight64Immediate: r[i.d] &>>= UInt64(bitPattern: i.immediate)
      case .shiftRight64Register: r[i.d] &>>= r[i.s]
      case .modulo64Immediate:
        r[i.d] = GuestArithmetic.modulo(r[i.d], UInt64(bitPattern: i.immediate))
      case .modulo64Register: r[i.d] = GuestArithmetic.modulo(r[i.d], r[i.s])
      case .signedModulo64Immediate:
        r[i.d] = UInt64(extending: GuestArithmetic.modulo(r[i.d].signed, i.immediate))
      case .signedModulo64Register:
        r[i.d] = UInt64(extending: GuestArithmetic.modulo(r[i.d].signed, r[i.s].signed))
      case .xor64Immediate: r[i.d] ^= UInt64(bitPattern: i.immediate)
      case .xor64Register: r[i.d] ^= r[i.s]
      case .move64Immediate: r[i.d] = UInt64(bitPattern: i.immediate)
      case .move64Register: r[i.d] = r[i.s]
      case .arithmeticShiftRight64Immediate:
        r[i.d] = UInt64(bitPattern: r[i.d].signed &>> i.immediate)
      case .arithmeticShiftRight64Register:
        r[i.d] = UInt64(bitPattern: r[i.d].signed &>> r[i.s].signed)
      case .signExtendingMove64From8: r[i.d] = UInt64(extending: Int8(truncatingIfNeeded: r[i.s]))
      case .signExtendingMove64From16: r[i.d] = UInt64(extending: Int16(truncatingIfNeeded: r[i.s]))
      case .signExtendingMove64From32: r[i.d] = UInt64(extending: Int32(truncatingIfNeeded: r[i.s]))
      case .negate64: r[i.d] = 0 &- r[i.d]
      case .add32Immediate: r[i.d] = UInt64(r[i.d].low &+ UInt32(truncatingIfNeeded: i.immediate))
      case .add32Register: r[i.d] = UInt64(r[i.d].low &+ r[i.s].low)
      case .subtract32Immediate:
        r[i.d] = UInt64(r[i.d].low &- UInt32(truncatingIfNeeded: i.immediate))
      case .subtract32Register: r[i.d] = UInt64(r[i.d].low &- r[i.s].low)
      case .multiply32Immediate:
        r[i.d] = UInt64(r[i.d].low &* UInt32(truncatingIfNeeded: i.immediate))
      case .multiply32Register: r[i.d] = UInt64(r[i.d].low &* r[i.s].low)
      case .divide32Immediate:
        r[i.d] = UInt64(GuestArithmetic.divide(r[i.d].low, UInt32(truncatingIfNeeded: i.immediate)))
      case .divide32Register: r[i.d] = UInt64(GuestArithmetic.divide(r[i.d].low, r[i.s].low))
      case .signedDivide32Immediate:
        r[i.d] = UInt64(
          UInt32(
            bitPattern: GuestArithmetic.divide(
              r[i.d].signedLow, Int32(truncatingIfNeeded: i.immediate))))
      case .signedDivide32Register:
        r[i.d] = UInt64(
          UInt32(bitPattern: GuestArithmetic.divide(r[i.d].signedLow, r[i.s].signedLow)))
      case .or32Immediate: r[i.d] = UInt64(r[i.d].low | UInt32(truncatingIfNeeded: i.immediate))
      case .or32Register: r[i.d] = UInt64(r[i.d].low | r[i.s].low)
      case .and32Immediate: r[i.d] = UInt64(r[i.d].low & UInt32(truncatingIfNeeded: i.immediate))
      case .and32Register: r[i.d] = UInt64(r[i.d].low & r[i.s].low)
      case .shiftLeft32Immediate:
        r[i.d] = UInt64(r[i.d].low &<< UInt32(truncatingIfNeeded: i.immediate))
      case .shiftLeft32Register: r[i.d] = UInt64(r[i.d].low &<< r[i.s].low)
      case .shiftRight32Immediate:
        r[i.d] = UInt64(r[i.d].low &>> UInt32(truncatingIfNeeded: i.immediate))
      case .shiftRight32Register: r[i.d] = UInt64(r[i.d].low &>> r[i.s].low)
      case .modulo32Immediate:
        r[i.d] = UInt64(GuestArithmetic.modulo(r[i.d].low, UInt32(truncatingIfNeeded: i.immediate)))
      case .modulo32Register: r[i.d] = UInt64(GuestArithmetic.modulo(r[i.d].low, r[i.s].low))
      case .signedModulo32Immediate:
        r[i.d] = UInt64(
          UInt32(
            bitPattern: GuestArithmetic.modulo(
              r[i.d].signedLow, Int32(truncatingIfNeeded: i.immediate))))
      case .signedModulo32Register:
        r[i.d] = UInt64(
          UInt32(bitPattern: GuestArithmetic.modulo(r[i.d].signedLow, r[i.s].signedLow)))
      case .xor32Immediate: r[i.d] = UInt64(r[i.d].low ^ UInt32(truncatingIfNeeded: i.immediate))
      case .xor32Register: r[i.d] = UInt64(r[i.d].low ^ r[i.s].low)
      case .move32Immediate: r[i.d] = UInt64(UInt32(truncatingIfNeeded: i.immediate))
      case .move32Register: r[i.d] = UInt64(r[i.s].low)
      case .arithmeticShiftRight32Immediate:
        r[i.d] = UInt64(
          UInt32(bitPattern: r[i.d].signedLow &>> Int32(truncatingIfNeeded: i.immediate)))
      case .arithmeticShiftRight32Register:
        r[i.d] = UInt64(UInt32(bitPattern: r[i.d].signedLow &>> r[i.s].signedLow))
      case .signExtendingMove32From8:
        r[i.d] = UInt64(UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: r[i.s]))))
      case .signExtendingMove32From16:
        r[i.d] = UInt64(UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: r[i.s]))))
      case .negate32: r[i.d] = UInt64(0 &- r[i.d].low)
      case .toLittleEndian16: r[i.d] = UInt64(UInt16(truncatingIfNeeded: r[i.d]).littleEndian)
      case .toLittleEndian32: r[i.d] = UInt64(UInt32(truncatingIfNeeded: r[i.d]).littleEndian)
      case .toLittleEndian64: r[i.d] = r[i.d].littleEndian
      case .toBigEndian16: r[i.d] = UInt64(UInt16(truncatingIfNeeded: r[i.d]).bigEndian)
      case .toBigEndian32: r[i.d] = UInt64(UInt32(truncatingIfNeeded: r[i.d]).bigEndian)
      case .toBigEndian64: r[i.d] = r[i.d].bigEndian
      case .swapBytes16: r[i.d] = UInt64(UInt16(truncatingIfNeeded: r[i.d]).byteSwapped)
      case .swapBytes32: r[i.d] = UInt64(UInt32(truncatingIfNeeded: r[i.d]).byteSwapped)
      case .swapBytes64: r[i.d] = r[i.d].byteSwapped
      case .jump: pc.jump(i.offset)
      case .jumpLong: pc.jump(i.offset)
      case .mayGoto: if iterationsLeft == 0 { pc.jump(i.offset) } else { iterationsLeft &-= 1 }
      case .jumpIfEqual64Immediate:
        if r[i.d] == UInt64(bitPattern: i.immediate) { pc.jump(i.offset) }
      case .jumpIfEqual64Register: if r[i.d] == r[i.s] { pc.jump(i.offset) }
      case .jumpIfGreater64Immediate:
        if r[i.d] > UInt64(bitPattern: i.immediate) { pc.jump(i.offset) }
      case .jumpIfGreater64Register: if r[i.d] > r[i.s] { pc.jump(i.offset) }
      case .jumpIfGreaterOrEqual64Immediate:
        if r[i.d] >= UInt64(bitPattern: i.immediate) { pc.jump(i.offset) }
      case .jumpIfGreaterOrEqual64Register: if r[i.d] >= r[i.s] { pc.jump(i.offset) }
      case .jumpIfBitsSet64Immediate:
        if r[i.d] & UInt64(bitPattern: i.immediate) != 0 { pc.jump(i.offset) }
      case .jumpIfBitsSet64Register: if r[i.d] & r[i.s] != 0 { pc.jump(i.offset) }
      case .jumpIfNotEqual64Immediate:
        if r[i.d] != UInt64(bitPattern: i.immediate) { pc.jump(i.offset) }
      case .jumpIfNotEqual64Register: if r[i.d] != r[i.s] { pc.jump(i.offset) }
      case .jumpIfSignedGreater64Immediate: if r[i.d].signed > i.immediate { pc.jump(i.offset) }
      case .jumpIfSignedGreater64Register: if r[i.d].signed > r[i.s].signed { pc.jump(i.offset) }
      case .jumpIfSignedGreaterOrEqual64Immediate:
        if r[i.d].signed >= i.immediate { pc.jump(i.offset) }
      case .jumpIfSignedGreaterOrEqual64Register:
        if r[i.d].signed >= r[i.s].signed { pc.jump(i.offset) }
      case .jumpIfLess64Immediate:
        if r[i.d] < UInt64(bitPattern: i.immediate) { pc.jump(i.offset) }
      case .jumpIfLess64Register: if r[i.d] < r[i.s] { pc.jump(i.offset) }
      case .jumpIfLessOrEqual64Immediate:
        if r[i.d] <= UInt64(bitPattern: i.immediate) { pc.jump(i.offset) }
      case .jumpIfLessOrEqual64Register: if r[i.d] <= r[i.s] { pc.jump(i.offset) }
      case .jumpIfSignedLess64Immediate: if r[i.d].signed < i.immediate { pc.jump(i.offset) }
      case .jumpIfSignedLess64Register: if r[i.d].signed < r[i.s].signed { pc.jump(i.offset) }
      case .jumpIfSignedLessOrEqual64Immediate:
        if r[i.d].signed <= i.immediate { pc.jump(i.offset) }
      case .jumpIfSignedLessOrEqual64Register:
        if r[i.d].signed <= r[i.s].signed { pc.jump(i.offset) }
      case .jumpIfEqual32Immediate:
        if r[i.d].low == UInt32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfEqual32Register: if r[i.d].low == r[i.s].low { pc.jump(i.offset) }
      case .jumpIfGreater32Immediate:
        if r[i.d].low > UInt32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfGreater32Register: if r[i.d].low > r[i.s].low { pc.jump(i.offset) }
      case .jumpIfGreaterOrEqual32Immediate:
        if r[i.d].low >= UInt32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfGreaterOrEqual32Register: if r[i.d].low >= r[i.s].low { pc.jump(i.offset) }
      case .jumpIfBitsSet32Immediate:
        if r[i.d].low & UInt32(truncatingIfNeeded: i.immediate) != 0 { pc.jump(i.offset) }
      case .jumpIfBitsSet32Register: if r[i.d].low & r[i.s].low != 0 { pc.jump(i.offset) }
      case .jumpIfNotEqual32Immediate:
        if r[i.d].low != UInt32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfNotEqual32Register: if r[i.d].low != r[i.s].low { pc.jump(i.offset) }
      case .jumpIfSignedGreater32Immediate:
        if r[i.d].signedLow > Int32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfSignedGreater32Register:
        if r[i.d].signedLow > r[i.s].signedLow { pc.jump(i.offset) }
      case .jumpIfSignedGreaterOrEqual32Immediate:
        if r[i.d].signedLow >= Int32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfSignedGreaterOrEqual32Register:
        if r[i.d].signedLow >= r[i.s].signedLow { pc.jump(i.offset) }
      case .jumpIfLess32Immediate:
        if r[i.d].low < UInt32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfLess32Register: if r[i.d].low < r[i.s].low { pc.jump(i.offset) }
      case .jumpIfLessOrEqual32Immediate:
        if r[i.d].low <= UInt32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfLessOrEqual32Register: if r[i.d].low <= r[i.s].low { pc.jump(i.offset) }
      case .jumpIfSignedLess32Immediate:
        if r[i.d].signedLow < Int32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfSignedLess32Register: if r[i.d].signedLow < r[i.s].signedLow { pc.jump(i.offset) }
      case .jumpIfSignedLessOrEqual32Immediate:
        if r[i.d].signedLow <= Int32(truncatingIfNeeded: i.immediate) { pc.jump(i.offset) }
      case .jumpIfSignedLessOrEqual32Register:
        if r[i.d].signedLow <= r[i.s].signedLow { pc.jump(i.offset) }
      case .tailCall:
        guard !Policy.isChecked || memory.permitsTailCall(context: r[1], array: r[2]) else {
          break run
        }
        if let entry = memory.takeTailCall(site: i.immediate, array: r[2], index: r[3].low) {
          memory.enter(entry)
          pc = CodePointer(address: entry)
          frames.depth = 1
          iterationsLeft = Limits.mayGotoIterations
        }
      case .callHelper:
        let arguments = HelperArguments(values: [r[1], r[2], r[3], r[4], r[5]])
        guard !Policy.isChecked || memory.permitsCall(signature: i.offset, arguments) else {
          break run
        }
        if i.s != 0 {
          memory.noteCaller(r[10], frames)
          r[0] = helper(at: i.immediate)(r[1], r[2], r[3], r[4], r[5], cpu.address)
          // The place of a fault was noted where it happened.
          if memory.hasFault { return 0 }
        } else {
          r[0] = helper(at: i.immediate)(r[1], r[2], r[3], r[4], r[5], cpu.address)
        }
      case .callSubprogram:
        guard frames.push(&r, returnTo: pc, memory.entry, iterationsLeft) else {
          _ = memory.fault(.callStackTooDeep, 0)
          break run
        }
        iterationsLeft = Limits.mayGotoIterations
        pc.jump(i.offset)
        if Policy.isChecked { memory.enterFrame(r[10]) }
      case .callKernelFunction:
        // Refused when the program was loaded.
        _ = memory.fault(.invalidCallTarget, UInt64(bitPattern: i.immediate))
        break run
      case .callRegister:
        switch memory.callTarget(r[i.d]) {
        case .subprogram(let entry):
          guard frames.push(&r, returnTo: pc, memory.entry, iterationsLeft) else {
            _ = memory.fault(.callStackTooDeep, 0)
            break run
          }
          iterationsLeft = Limits.mayGotoIterations
          pc = CodePointer(address: entry)
          if Policy.isChecked { memory.enterFrame(r[10]) }
        case .helper(let number):
          guard let result = memory.callHelper(number, r[1], r[2], r[3], r[4], r[5]) else {
            break run
          }
          r[0] = result
        case .none:
          break run
        }
      case .exit:
        guard let caller = frames.pop(&r) else { return r[0] }
        pc = CodePointer(address: caller.returnAddress)
        memory.enter(caller.entry)
        iterationsLeft = caller.iterationsLeft
        if Policy.isChecked { memory.framePointer = r[10] }
      case .loadImmediate64: r[i.d] = UInt64(bitPattern: i.immediate)
      case .loadPacketAbsoluteByte, .loadPacketAbsoluteHalf, .loadPacketAbsoluteWord,
        .loadPacketIndirectByte, .loadPacketIndirectHalf, .loadPacketIndirectWord:
        let offset = i.immediate &+ Int64(r[i.s].signedLow)
        switch memory.loadPacket(size: UInt8(i.d), context: r[6], offset: offset) {
        case .value(let value): r[0] = value
        case .outside: pc = Self.exitWithZero
        case .fault: break run
        }
      case .loadByte:
        guard let value = memory.load(UInt8.self, at: r[i.s] &+ i.distance) else { break run }
        r[i.d] = value
      case .loadHalf:
        guard let value = memory.load(UInt16.self, at: r[i.s] &+ i.distance) else { break run }
        r[i.d] = value
      case .loadWord:
        guard let value = memory.load(UInt32.self, at: r[i.s] &+ i.distance) else { break run }
        r[i.d] = value
      case .loadDoubleWord:
        guard let value = memory.load(UInt64.self, at: r[i.s] &+ i.distance) else { break run }
        r[i.d] = value
      case .loadSignExtendedByte:
        guard let value = memory.load(UInt8.self, at: r[i.s] &+ i.distance) else { break run }
        r[i.d] = UInt64(extending: Int8(truncatingIfNeeded: value))
      case .loadSignExtendedHalf:
        guard let value = memory.load(UInt16.self, at: r[i.s] &+ i.distance) else { break run }
        r[i.d] = UInt64(extending: Int16(truncatingIfNeeded: value))
      case .loadSignExtendedWord:
        guard let value = memory.load(UInt32.self, at: r[i.s] &+ i.distance) else { break run }
        r[i.d] = UInt64(extending: Int32(truncatingIfNeeded: value))
      case .storeByteImmediate:
        let value = UInt64(bitPattern: i.immediate)
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt8.self) else { break run }
      case .storeHalfImmediate:
        let value = UInt64(bitPattern: i.immediate)
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt16.self) else { break run }
      case .storeWordImmediate:
        let value = UInt64(bitPattern: i.immediate)
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt32.self) else { break run }
      case .storeDoubleWordImmediate:
        let value = UInt64(bitPattern: i.immediate)
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt64.self) else { break run }
      case .storeByteRegister:
        let value = r[i.s]
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt8.self) else { break run }
      case .storeHalfRegister:
        let value = r[i.s]
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt16.self) else { break run }
      case .storeWordRegister:
        let value = r[i.s]
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt32.self) else { break run }
      case .storeDoubleWordRegister:
        let value = r[i.s]
        guard memory.store(value, at: r[i.d] &+ i.distance, as: UInt64.self) else { break run }
      case .atomicAddWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        unsafe GuestMemory.word(address).pointee.wrappingAdd(
          r[i.s].low, ordering: .sequentiallyConsistent)
      case .atomicOrWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        unsafe GuestMemory.word(address).pointee.bitwiseOr(
          r[i.s].low, ordering: .sequentiallyConsistent)
      case .atomicAndWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        unsafe GuestMemory.word(address).pointee.bitwiseAnd(
          r[i.s].low, ordering: .sequentiallyConsistent)
      case .atomicXorWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        unsafe GuestMemory.word(address).pointee.bitwiseXor(
          r[i.s].low, ordering: .sequentiallyConsistent)
      case .atomicFetchAddWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        let cell = unsafe GuestMemory.word(address)
        r[i.s] = unsafe UInt64(
          cell.pointee.wrappingAdd(r[i.s].low, ordering: .sequentiallyConsistent).oldValue)
      case .atomicFetchOrWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        let cell = unsafe GuestMemory.word(address)
        r[i.s] = unsafe UInt64(
          cell.pointee.bitwiseOr(r[i.s].low, ordering: .sequentiallyConsistent).oldValue)
      case .atomicFetchAndWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        let cell = unsafe GuestMemory.word(address)
        r[i.s] = unsafe UInt64(
          cell.pointee.bitwiseAnd(r[i.s].low, ordering: .sequentiallyConsistent).oldValue)
      case .atomicFetchXorWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        let cell = unsafe GuestMemory.word(address)
        r[i.s] = unsafe UInt64(
          cell.pointee.bitwiseXor(r[i.s].low, ordering: .sequentiallyConsistent).oldValue)
      case .atomicExchangeWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        let cell = unsafe GuestMemory.word(address)
        r[i.s] = unsafe UInt64(cell.pointee.exchange(r[i.s].low, ordering: .sequentiallyConsistent))
      case .atomicCompareExchangeWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 4) else { break run }
        let cell = unsafe GuestMemory.word(address)
        let old = unsafe cell.pointee.compareExchange(
          expected: r[0].low, desired: r[i.s].low, ordering: .sequentiallyConsistent
        ).original
        r[0] = UInt64(old)
      case .atomicAddDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        unsafe GuestMemory.doubleWord(address).pointee.wrappingAdd(
          r[i.s], ordering: .sequentiallyConsistent)
      case .atomicOrDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        unsafe GuestMemory.doubleWord(address).pointee.bitwiseOr(
          r[i.s], ordering: .sequentiallyConsistent)
      case .atomicAndDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        unsafe GuestMemory.doubleWord(address).pointee.bitwiseAnd(
          r[i.s], ordering: .sequentiallyConsistent)
      case .atomicXorDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        unsafe GuestMemory.doubleWord(address).pointee.bitwiseXor(
          r[i.s], ordering: .sequentiallyConsistent)
      case .atomicFetchAddDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        let cell = unsafe GuestMemory.doubleWord(address)
        r[i.s] = unsafe cell.pointee.wrappingAdd(r[i.s], ordering: .sequentiallyConsistent).oldValue
      case .atomicFetchOrDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        let cell = unsafe GuestMemory.doubleWord(address)
        r[i.s] = unsafe cell.pointee.bitwiseOr(r[i.s], ordering: .sequentiallyConsistent).oldValue
      case .atomicFetchAndDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        let cell = unsafe GuestMemory.doubleWord(address)
        r[i.s] = unsafe cell.pointee.bitwiseAnd(r[i.s], ordering: .sequentiallyConsistent).oldValue
      case .atomicFetchXorDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        let cell = unsafe GuestMemory.doubleWord(address)
        r[i.s] = unsafe cell.pointee.bitwiseXor(r[i.s], ordering: .sequentiallyConsistent).oldValue
      case .atomicExchangeDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        let cell = unsafe GuestMemory.doubleWord(address)
        r[i.s] = unsafe cell.pointee.exchange(r[i.s], ordering: .sequentiallyConsistent)
      case .atomicCompareExchangeDoubleWord:
        let address = r[i.d] &+ i.distance
        guard memory.permitsAtomic(address, 8) else { break run }
        let cell = unsafe GuestMemory.doubleWord(address)
        let old = unsafe cell.pointee.compareExchange(
          expected: r[0], desired: r[i.s], ordering: .sequentiallyConsistent
        ).original
        r[0] = old
      case .loadAcquireByte:
        guard let value = memory.load(UInt8.self, at: r[i.s] &+ i.distance) else { break run }
        atomicMemoryFence(ordering: .acquiring)
        r[i.d] = value
      case .loadAcquireHalf:
        guard let value = memory.load(UInt16.self, at: r[i.s] &+ i.distance) else { break run }
        atomicMemoryFence(ordering: .acquiring)
        r[i.d] = value
      case .loadAcquireWord:
        guard let value = memory.load(UInt32.self, at: r[i.s] &+ i.distance) else { break run }
        atomicMemoryFence(ordering: .acquiring)
        r[i.d] = value
      case .loadAcquireDoubleWord:
        guard let value = memory.load(UInt64.self, at: r[i.s] &+ i.distance) else { break run }
        atomicMemoryFence(ordering: .acquiring)
        r[i.d] = value
      case .storeReleaseByte:
        atomicMemoryFence(ordering: .releasing)
        guard memory.store(r[i.s], at: r[i.d] &+ i.distance, as: UInt8.self) else { break run }
      case .storeReleaseHalf:
        atomicMemoryFence(ordering: .releasing)
        guard memory.store(r[i.s], at: r[i.d] &+ i.distance, as: UInt16.self) else { break run }
      case .storeReleaseWord:
        atomicMemoryFence(ordering: .releasing)
        guard memory.store(r[i.s], at: r[i.d] &+ i.distance, as: UInt32.self) else { break run }
      case .storeReleaseDoubleWord:
        atomicMemoryFence(ordering: .releasing)
        guard memory.store(r[i.s], at: r[i.d] &+ i.distance, as: UInt64.self) else { break run }
      }
    }
    memory.noteFaultPosition(pc.address &- UInt64(DecodedInstruction.byteCount))
    return 0
  }
}
