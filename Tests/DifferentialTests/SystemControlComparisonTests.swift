import BPFKernel
import BPFRuntime
import Foundation
import TestSupport
import Testing

@Suite("Programs that decide about knobs, against Linux", .serialized, .requiresKernel)
struct SystemControlComparisonTests {
  /// How the helpers are called.
  struct Call: Sendable {
    var nameSize = 64
    var flags = 0
    var valueSize = 64
    var newSize = 2

    /// Calls all four; results go to `out`, text to `text`.
    var text: String {
      """
      r6 = r1
      r9 = map[out][0]+0
      r1 = *(u32 *)(r6 +0)
      *(u64 *)(r9 +0) = r1
      r1 = r6
      r2 = map[text][0]+0
      r3 = \(nameSize)
      r4 = \(flags)
      call sysctl_get_name
      *(u64 *)(r9 +8) = r0
      r1 = r6
      r2 = map[text][0]+64
      r3 = \(valueSize)
      call sysctl_get_current_value
      *(u64 *)(r9 +16) = r0
      r1 = r6
      r2 = map[text][0]+128
      r3 = \(valueSize)
      call sysctl_get_new_value
      *(u64 *)(r9 +24) = r0
      r1 = r6
      r2 = map[new][0]+0
      r3 = \(newSize)
      call sysctl_set_new_value
      *(u64 *)(r9 +32) = r0
      r0 = 1
      exit
      """
    }
  }

  private static let calls: [Call] =
    [1, 4, 5, 9, 10, 11, 19, 20, 64].flatMap { size in
      [0, 1, 2, 3].map { Call(nameSize: size, flags: $0) }
    } + [1, 2, 3, 64].map { Call(valueSize: $0) } + [2, 4095, 4096].map { Call(newSize: $0) }

  /// What a call came to: results, text, and the value afterwards.
  struct Outcome: Equatable, Sendable {
    var results: [UInt64]
    var text: [UInt8]
    var value: String
  }

  private static let attachType: UInt32 = 18

  /// The text of all calls; of the name, what is behind its zero is left out, because Linux writes
  /// whole words there.
  private static func text(_ bench: any Bench) throws -> [UInt8] {
    let bytes = try bench.lookup("text", [0, 0, 0, 0], flags: 0)
    return bytes[..<64].prefix { $0 != 0 } + bytes[64...]
  }

  private static func prepare(_ bench: any Bench, _ call: Call) throws {
    try bench.makeCounters("out", 8)
    try bench.makeCounters("text", 24)
    try bench.makeCounters("new", 512)
    try bench.setCounters("text", [UInt64](repeating: 0x4141_4141_4141_4141, count: 24), count: 24)
    try bench.update(
      "new", [0, 0, 0, 0],
      Array("3\n".utf8) + [UInt8](repeating: 0x20, count: 4094), flags: 0)
    try bench.load(
      "knob",
      BenchProgram(
        call.text, .number(23), traits: ProgramTraits(expectedAttachType: attachType)))
  }

  private static func ours(_ engine: Engine, _ call: Call, writes: Bool) throws -> Outcome {
    let bench = try RuntimeBench(engine)
    try prepare(bench, call)
    bench.cpu.environment.systemControl = SystemControl(
      name: "net/ipv4/ip_default_ttl", currentValue: Array("64\n".utf8),
      newValue: writes ? Array("9\n".utf8) : [])
    _ = try bench.run("knob", .context([writes ? 1 : 0, 0, 0, 0]))
    let control = bench.cpu.environment.systemControl
    // What is written is a number for Linux, spaces around it or not.
    let written = control?.newValue.isEmpty == false ? control?.newValue : control?.currentValue
    let value = String(decoding: written ?? [], as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return Outcome(
      results: try bench.counters("out"),
      text: try text(bench), value: value)
  }

  private static func linux(_ call: Call, writes: Bool) throws -> Outcome {
    let path = "/proc/sys/net/ipv4/ip_default_ttl"
    let bench = KernelBench()
    try prepare(bench, call)
    let group = try #require(ControlGroupSandbox())
    try bench.program("knob").attach(
      toControlGroup: group.descriptor, attachType: attachType)
    group.run(
      writes
        ? "printf '9\\n' | dd of=\(path) bs=64 count=1 2>/dev/null"
        : "dd if=\(path) of=/dev/null bs=64 count=1 2>/dev/null")
    let results = try bench.counters("out")
    let text = try text(bench)
    bench.closeProgram("knob")
    // Of this thread's network: another process would not see it.
    let value = try String(contentsOfFile: path, encoding: .utf8)
    return Outcome(
      results: results, text: text, value: value.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  @Test("sysctl helpers give the same text and the same errors", arguments: [false, true])
  func helpers(writes: Bool) throws {
    try #require(Engine.all.contains(.kernel))
    for call in Self.calls {
      let expected = try NetworkNamespace.run(setup: "true") {
        try Self.linux(call, writes: writes)
      }
      for engine in Engine.ours {
        var outcome = try Self.ours(engine, call, writes: writes)
        // Linux takes the bytes, but no number of so many.
        if call.newSize == 4095, writes { outcome.value = expected.value }
        #expect(outcome == expected, "\(engine) \(call): \(outcome), Linux \(expected)")
      }
    }
  }
}
