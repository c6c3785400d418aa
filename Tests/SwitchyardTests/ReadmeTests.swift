import Foundation
import Switchyard
import TestSupport
import Testing

/// The program that the README shows is the one that is compiled and run here.
@Suite("The README's program")
struct ReadmeTests {
  @Test("it compiles, runs, and is shown as it is")
  func snippet() throws {
    let lines = try example(root: SharedCaptures.packageRoot)
    #expect(lines == ["XDP_PASS: [taken, empty]", "XDP_DROP: [taken, taken]"])

    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let readme = try String(
      contentsOfFile: SharedCaptures.packageRoot + "/README.md", encoding: .utf8)
    #expect(readme.contains("```text\n" + lines.joined(separator: "\n") + "\n```"))
    let shown = try #require(Self.text(of: readme, between: "```swift\n", and: "```"))
    let compiled = try #require(
      Self.text(of: source, between: "// begin\n", and: "    // end"))
    let unindented = compiled.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.hasPrefix("    ") ? String($0.dropFirst(4)) : String($0) }
      .joined(separator: "\n")
      .replacing("root + \"/", with: "\"")
      .replacing("lines.append(", with: "print(")
    #expect(shown == unindented)
  }

  private func example(root: String) throws -> [String] {
    var lines: [String] = []
    // begin
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: root + "/Examples/parser.o")))
    let runtime = Runtime()
    let parser = try Collection(loading: ObjectFile(bytes: bytes), into: runtime)
    let entry = try parser.program("entry").program

    let cpu = try runtime.makeCPU()
    cpu.recordsTailCalls = true
    let arp = [UInt8](repeating: 0xff, count: 12) + [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]
    let packet = try PacketContext(type: entry.type)

    // The slot for ARP is empty: the tail call falls through, and says so.
    try packet.load(arp)
    var verdict = try cpu.run(entry, in: packet).returnValue
    lines.append("\(entry.type.verdictName(UInt32(verdict))): \(cpu.tailCalls.map(\.outcome))")

    // Put a program there; every later run sees it.
    let code = try Assembler().assemble("r0 = 1\nexit").instructions
    let drop = try runtime.load(
      verifying: ProgramSource(name: "arp", type: .xdp, instructions: code, traits: entry.traits))
    try parser.map("layers").handle.setProgram(drop, at: 2)

    try packet.load(arp)
    verdict = try cpu.run(entry, in: packet).returnValue
    lines.append("\(entry.type.verdictName(UInt32(verdict))): \(cpu.tailCalls.map(\.outcome))")
    // end
    return lines
  }

  private static func text(of text: String, between start: String, and end: String) -> String? {
    guard let from = text.range(of: start),
      let to = text.range(of: end, range: from.upperBound..<text.endIndex)
    else { return nil }
    return String(text[from.upperBound..<to.lowerBound])
  }
}
