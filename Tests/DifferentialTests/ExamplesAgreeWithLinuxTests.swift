import BPFCompiler
import BPFHooks
import BPFKernel
import BPFObject
import BPFRuntime
import CPlatform
import Switchyard
import TestSupport
import Testing

/// The examples, packet by packet: the interpreter against the real kernel.
@Suite("Examples agree with Linux", .requiresKernel)
struct ExamplesAgreeWithLinuxTests {
  /// An example's program that a capture is run through.
  struct Case: CustomTestStringConvertible {
    var object: String
    var program: String
    var engine = Runtime.Engine.interpreter
    var testDescription: String { "\(object): \(program), \(engine)" }
  }

  static let cases = [
    Case(object: "parser", program: "entry"),
    Case(object: "dispatch", program: "classify"),
    Case(object: "filter", program: "keep_port"),
  ].flatMap { example in
    Runtime.Engine.allCases.map {
      Case(object: example.object, program: example.program, engine: $0)
    }
  }

  @Test("own captures: same return values, packets and maps", arguments: cases)
  func ownCaptures(_ example: Case) throws {
    let folder = SharedCaptures.packageRoot + "/Examples/captures"
    let files = ["mixed", "http", "dns", "ping", "bulk", "ipv6", "rare", "malformed"]
    let compared = try compare(example, files.map { "\(folder)/\($0).pcap" })
    #expect(compared.packets > 400)
    #expect(compared.refusedByLinux < 10)
  }

  @Test(
    "every shared Ethernet capture: same return values, packets and maps",
    .requiresSharedCaptures, arguments: cases)
  func sharedCaptures(_ example: Case) throws {
    let compared = try compare(example, SharedCaptures.paths)
    #expect(compared.captures >= 90)
    #expect(compared.packets > 500)
    print(
      "\(example): \(compared.packets) packets of \(compared.captures) captures compared;",
      "\(compared.refusedByLinux) packets are too large or too short for a test run of Linux")
  }

  /// What was compared.
  struct Summary {
    var captures = 0
    var packets = 0
    var refusedByLinux = 0
  }

  private func compare(_ example: Case, _ paths: [String]) throws -> Summary {
    let path = "\(SharedCaptures.packageRoot)/Examples/\(example.object).o"
    let object = try ObjectFile(bytes: Fixtures.bytes(ofFile: path), name: example.object)
    // Values per CPU are compared on CPU 0, where both sides run.
    return try onProcessorZero {
      let pair = try EnginePair(object, program: example.program, example.engine)
      var summary = Summary()
      for path in paths {
        var reader = try CaptureReader(path: path)
        guard reader.linkType.isEthernet else { continue }
        summary.captures += 1
        while let packet = try? reader.next() {
          let bytes = packet.bytes.withUnsafeBytes { [UInt8]($0) }
          let place = "\(example) \(path.split(separator: "/").last ?? "") #\(packet.number)"
          guard try pair.compare(bytes, place) else {
            summary.refusedByLinux += 1
            continue
          }
          summary.packets += 1
        }
      }
      return summary
    }
  }

  /// Keeps the calling thread on the first processor while `body` runs.
  private func onProcessorZero<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = switchyard_affinity()
    #expect(switchyard_set_affinity(1) == 0)
    defer { switchyard_set_affinity(before) }
    return try body()
  }
}

/// One object loaded here and in the kernel.
private struct EnginePair {
  private let collection: Switchyard.Collection
  private let kernel: KernelCollection
  private let program: Program
  private let kernelProgram: KernelProgram
  private let context: PacketContext
  private let cpu: CPU

  init(_ object: ObjectFile, program name: String, _ engine: Runtime.Engine) throws {
    let runtime = Runtime(possibleCPUs: Kernel.possibleCPUCount, compiler: .x86())
    collection = try Collection(
      loading: object, into: runtime, options: Collection.Options(engine: engine))
    kernel = try KernelCollection(object)
    program = try collection.program(name).program
    kernelProgram = try #require(kernel.program(named: name))
    context = try PacketContext(type: program.type)
    cpu = try runtime.makeCPU(index: 0)
  }

  /// Runs one packet on both sides and compares everything; `false` when Linux does not take it.
  func compare(_ packet: [UInt8], _ place: String) throws -> Bool {
    let theirs: KernelProgram.TestRun
    do throws(KernelErrno) {
      theirs = try kernelProgram.testRun(data: packet)
    } catch {
      // More than a page, or than 18 of them for XDP; shorter than an Ethernet header; a socket
      // buffer that ends inside its IP header: Linux says EINVAL or ENOMEM and runs nothing.
      let isCut = packet.count < (program.type.number == ProgramType.xdp.number ? 14 : 54)
      #expect(isCut || packet.count > 3000, "\(place): \(error)")
      return false
    }
    #expect(packet.count >= 14, "\(place): Linux ran what is not even a header")
    try context.load(packet)
    let ours = try cpu.run(program, in: context)
    // Later packets see what earlier ones left behind: the first difference is the one to look at.
    let value = UInt32(truncatingIfNeeded: ours.returnValue)
    try #require(value == theirs.returnValue, "\(place)")
    let isSamePacket = context.output == theirs.data
    try #require(isSamePacket, "\(place): the packets differ")
    for (index, map) in kernel.maps.enumerated() {
      let mine = collection.maps[index]
      guard mine.handle.definition.type != .programArray else { continue }
      let expected = try map.elements().map { Element(key: $0.key, value: $0.value) }.sorted()
      let actual = try mine.handle.keys().map {
        Element(key: $0, value: try mine.handle.lookup($0))
      }.sorted()
      let isSame = actual == expected
      try #require(isSame, "\(place): map \(mine.spec.name) differs")
    }
    return true
  }

  /// A key and its value, in an order that both sides share.
  private struct Element: Hashable, Comparable {
    var key: [UInt8]
    var value: [UInt8]

    static func < (left: Element, right: Element) -> Bool {
      left.key.lexicographicallyPrecedes(right.key)
    }
  }
}
