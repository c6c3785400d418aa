import Testing

@testable import SwitchyardCommands

@Suite("Numbers, bytes and JSON as text")
struct FormattingTests {
  @Test("Thousands get commas")
  func grouping() {
    #expect(
      [0, 999, 1000, 123_456, 1_234_567, -1000].map(\.grouped) == [
        "0", "999", "1,000", "123,456", "1,234,567", "-1,000",
      ])
    #expect(1.counted("packet") == "1 packet")
    #expect(0.counted("packet") == "0 packets")
  }

  @Test("Durations take the unit that fits")
  func durations() {
    let pairs: [(Duration, String)] = [
      (.nanoseconds(999), "999 ns"), (.nanoseconds(41_235), "41.2 us"),
      (.milliseconds(1), "1.0 ms"), (.milliseconds(2500), "2.5 s"),
    ]
    for (duration, text) in pairs { #expect(duration.readable == text) }
  }

  @Test("Hexadecimal bytes may have white space between them, not inside")
  func hexadecimal() {
    #expect(bytes(hexadecimal: "00 fF\n1a:2b".utf8) == [0, 255, 0x1a, 0x2b])
    #expect(bytes(hexadecimal: "".utf8) == [])
    for text in ["0", "0 0", "0g", "0x00", "00-"] {
      #expect(bytes(hexadecimal: text.utf8) == nil, "\(text)")
    }
  }

  @Test("JSON keeps the order of keys and escapes what it must")
  func json() {
    let value = JSON.object([
      ("b", .array([.integer(-1), .null, .boolean(true)])), ("a", .bytes([0, 31])),
      ("q\"\\", .string("\n\u{1}\u{7f}é")), ("empty", .object([])),
    ])
    #expect(
      value.text(isPretty: false)
        == #"{"b":[-1,null,true],"a":["0x00","0x1f"],"q\"\\":"\n\u0001\u007fé","empty":{}}"#)
    #expect(JSON.object([("a", .integer(1))]).text(isPretty: true) == "{\n  \"a\": 1\n}")
  }

  @Test("Slots are written array[index]=program")
  func slots() {
    let slot = SlotAssignment(argument: "layers[3]=tcp")
    #expect(slot?.array == "layers")
    #expect(slot?.index == 3)
    #expect(slot?.program == "tcp")
    for text in [
      "", "a", "a[1]", "a[1]=", "[1]=b", "a[x]=b", "a[-1]=b", "a[4294967296]=b", "a]1[=b",
    ] {
      #expect(SlotAssignment(argument: text) == nil, "\(text)")
    }
  }

  @Test("Columns are as wide as their widest cell, colours not counted")
  func table() {
    var table = TextTable([.left, .right, .left], indentation: 1)
    table.add([.init("a", { "<\($0)>" }), .init("10"), .init("x")])
    table.add("long", "5", "")
    #expect(table.lines == [" <a>     10  x", " long   5"])
  }

  @Test("Progress is shown on terminals only, and removed at the end")
  func progress() {
    for isTerminal in [true, false] {
      var text = ""
      let terminal = Terminal(
        writeOutput: { _ in }, writeError: { text += $0 }, isErrorTerminal: isTerminal)
      let progress = Progress(terminal, delay: .zero)
      for _ in 0..<256 { progress.advance { 0.5 } }
      #expect(text.contains("50.0 %  256 packets") == isTerminal)
      progress.finish()
      #expect(text.hasSuffix("\r\u{1b}[K") == isTerminal)
    }
  }

  @Test("What takes less than a second shows no progress")
  func noProgress() {
    var text = ""
    let terminal = Terminal(
      writeOutput: { _ in }, writeError: { text += $0 }, isErrorTerminal: true)
    let progress = Progress(terminal)
    for _ in 0..<1024 { progress.advance { nil } }
    progress.finish()
    #expect(text == "")
  }
}
