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
