// UNSAFE. One piece of memory that is mapped twice.
//
// Invariant: both mappings have `byteCount` bytes and live as long as the owner. One can be
// written and not executed, the other executed and not written. Writers own the bytes they write:
// the region hands out each of them once.

import BPFRuntime
import CPlatform

/// Memory for code: written through one mapping, executed through another.
@safe
struct CodeMapping: ~Copyable, @unchecked Sendable {
  // Sendable: the mappings do not change, and who writes which bytes is the region's business.

  private let writable: UnsafeMutableRawPointer
  private let executable: UnsafeMutableRawPointer
  let byteCount: Int

  /// Maps fresh memory, within 2 GiB of an address if the system has room there.
  ///
  /// Untouched pages cost nothing. `nil` when the system refuses.
  init?(byteCount: Int, near address: UInt64) {
    var first: UnsafeMutableRawPointer?
    var second: UnsafeMutableRawPointer?
    let status = unsafe switchyard_map_code(UInt64(byteCount), address, &first, &second)
    guard status == 0, let first = unsafe first, let second = unsafe second else { return nil }
    unsafe writable = first
    unsafe executable = second
    self.byteCount = byteCount
  }

  deinit {
    unsafe switchyard_unmap_code(UInt64(byteCount), writable, executable)
  }

  /// Where the code is when it runs.
  var address: UInt64 { unsafe UInt64(UInt(bitPattern: executable)) }

  /// Writes code. No processor executes these bytes now.
  func write(_ code: [UInt8], at offset: Int) {
    unsafe write(code.span.bytes, at: offset)
  }

  /// Writes code, and the header in front of it: breakpoints, and a number in the last four bytes.
  /// No processor executes these bytes now.
  func write(_ code: RawSpan, at offset: Int, number: UInt32? = nil) {
    precondition(offset >= 0 && offset <= byteCount - code.byteCount)
    precondition(number == nil || offset >= CodeRegion.headerByteCount)
    unsafe code.withUnsafeBytes { source in
      guard let start = source.baseAddress else { return }
      unsafe (writable + offset).copyMemory(from: start, byteCount: source.count)
    }
    if let number {
      unsafe (writable + offset - CodeRegion.headerByteCount)
        .initializeMemory(as: UInt8.self, repeating: 0xcc, count: CodeRegion.headerByteCount - 4)
      unsafe (writable + offset - 4).storeBytes(of: number.littleEndian, as: UInt32.self)
    }
    // The bytes may have been executed as something else before.
    switchyard_synchronize_code()
  }

  /// Overwrites code that nobody executes any more with breakpoints.
  func erase(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    unsafe (writable + range.lowerBound)
      .initializeMemory(as: UInt8.self, repeating: 0xcc, count: range.count)
  }

  /// A copy of code.
  func bytes(_ range: Range<Int>) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    return unsafe Array(
      UnsafeRawBufferPointer(start: executable + range.lowerBound, count: range.count))
  }
}

/// The code at two addresses as what Swift calls to enter a program.
func entranceFunctions(at addresses: EntryCode.Entrance) -> ProgramCompiler.Entrance {
  unsafe ProgramCompiler.Entrance(
    enter: unsafeBitCast(UInt(addresses.enter), to: ProgramCompiler.EnterFunction.self),
    enterBatch: unsafeBitCast(
      UInt(addresses.enterBatch), to: ProgramCompiler.EnterBatchFunction.self))
}

/// The code of a program that is a function of C itself.
func enterFunction(at address: UInt64) -> ProgramCompiler.EnterFunction {
  unsafe unsafeBitCast(UInt(address), to: ProgramCompiler.EnterFunction.self)
}

/// The code that calls a subprogram as what Swift calls.
func callBackFunction(at address: UInt64) -> ProgramCompiler.CallBackFunction {
  unsafe unsafeBitCast(UInt(address), to: ProgramCompiler.CallBackFunction.self)
}
