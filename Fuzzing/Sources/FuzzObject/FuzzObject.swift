import BPFInstructions
import BPFObject

/// One run of the fuzzer: reads the bytes as an object. Any trap is a finding.
@c(LLVMFuzzerTestOneInput)
public func fuzzObject(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let object = try? ObjectFile(bytes: bytes) else { return 0 }
  _ = object.kernelBTF()
  for program in object.programs {
    _ = try? program.instructions.validate()
    _ = program.line(at: program.instructions.count - 1)
    for reference in program.references.values {
      switch reference {
      case .map(let map), .mapValue(let map, _): _ = object.maps[map]
      }
    }
  }
  for program in object.refused { _ = program.error.description }
  return 0
}

/// libFuzzer's driver. It only takes numbers and pointers, for which Swift's calling convention is
/// C's.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
  _ input: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// The package manager renames an executable's `main` like this, so libFuzzer's own is not found.
@c(FuzzObject_main)
public func fuzzMain(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
  var count = count
  var arguments = arguments
  return withUnsafeMutablePointer(to: &arguments) { pointer in
    runDriver(&count, UnsafeMutableRawPointer(pointer), fuzzObject)
  }
}
