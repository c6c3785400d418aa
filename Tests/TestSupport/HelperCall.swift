import BPFInstructions
import BPFRuntime

/// A program that calls one helper with memory on its stack, for the runtime and for Linux alike.
///
/// The stack's bytes are given from r10 - 512 on; arguments are numbers or addresses in them.
public struct HelperCall: Sendable {
  /// One argument.
  public enum Argument: Hashable, Sendable {
    case number(UInt64)
    /// The address of a byte of the memory.
    case memory(Int)
  }

  /// Number of the helper.
  public var helper: Int32
  /// Bytes of the stack, from r10 - 512 on.
  public var memory: [UInt8]
  /// The arguments, r1 first.
  public var arguments: [Argument]
  /// The word of the memory that is the result, after r0 has been dropped.
  public var resultWord: Int?

  /// Puts one together.
  public init(
    _ helper: Int32, memory: [UInt8], _ arguments: [Argument], resultWord: Int? = nil
  ) {
    self.helper = helper
    self.memory = memory
    self.arguments = arguments
    self.resultWord = resultWord
  }

  /// The program.
  public var assembly: String {
    var lines: [String] = []
    for start in stride(from: 0, to: memory.count, by: 8) {
      let word = memory[start...].prefix(8).enumerated()
        .reduce(UInt64(0)) { $0 | UInt64($1.element) << UInt64($1.offset * 8) }
      lines += ["r1 = \(word) ll", "*(u64 *)(r10 -\(512 - start)) = r1"]
    }
    for (index, argument) in arguments.enumerated() {
      switch argument {
      case .number(let value): lines.append("r\(index + 1) = \(value) ll")
      case .memory(let offset):
        lines += ["r\(index + 1) = r10", "r\(index + 1) += -\(512 - offset)"]
      }
    }
    lines.append("call \(helper)")
    if let resultWord { lines.append("r0 = *(u64 *)(r10 -\(512 - resultWord))") }
    return (lines + ["exit"]).joined(separator: "\n")
  }

  /// r0 in the runtime, and what was printed.
  public func run() throws -> (result: UInt64, printed: [[UInt8]]) {
    let runtime = Runtime()
    let program = try runtime.load(ProgramSource(assembly: assembly))
    let cpu = try runtime.makeCPU()
    var printed: [[UInt8]] = []
    cpu.traceHandler = { printed.append($0) }
    let result = try cpu.run(program, in: MemoryContext([0]))
    return (result.returnValue, printed)
  }
}

/// Calls of the printing and text helpers, whose results Linux has to share.
public enum HelperCalls {
  /// Formats with up to three arguments; `text` stands for the address of "hello".
  public static let formats: [(format: [UInt8], arguments: [HelperCall.Argument])] = {
    let text = HelperCall.Argument.memory(0)
    let one = HelperCall.Argument.number(1)
    let minusOne = HelperCall.Argument.number(.max)
    let plain: [(String, [HelperCall.Argument])] = [
      ("", []), ("hi", []), ("hi\n", []), ("%d %d %d", [one, minusOne, one]),
      ("%d %d %d %d", [one, one, one]), ("%5d|", [one]), ("%-5d|", [one]), ("%05d|", [minusOne]),
      ("%+d", [one]), ("% d", [one]), ("%+u", [one]), ("% x", [one]), ("%-+ 05d", [one]),
      ("%0-5d|", [one]), ("%#x", [one]), ("%.3d", [one]), ("%hd", [one]), ("%lx", [minusOne]),
      ("%x", [minusOne]), ("%llx", [minusOne]), ("%ld", [minusOne]), ("%lld", [minusOne]),
      ("%lu", [minusOne]), ("%i", [minusOne]), ("%u", [minusOne]), ("%X", [minusOne]),
      ("%o", [one]), ("%p", [.number(0)]), ("%px", [one]), ("%20px|", [one]), ("%-20px|", [one]),
      ("%ps", [one]), ("%pS.", [one]), ("%pB", [one]), ("%20ps|", [one]), ("%pI4", [text]),
      ("%pi4", [text]), ("%pI6", [text]), ("%pi6", [text]), ("%pI4", [.number(0)]),
      ("%pI6", [.number(0)]), ("%020pI4|", [text]), ("%pI4abc d", [text]), ("%pk", [one]),
      ("%pks", [text]), ("%20pks|", [text]), ("%pksa", [text]), ("%pus", [text]), ("%pa", [one]),
      ("%p!", [.number(0)]), ("%pxyz-%d", [one, one]), ("%s", [text]), ("%s", [.number(0)]),
      ("%s", [.number(0x1234)]), ("%10s|", [text]), ("%-10s|", [text]), ("%05s|", [text]),
      ("%sa", [text]), ("%s.", [text]), ("%s %s", [text, text]), ("%c", [.number(65)]),
      ("%5c|", [.number(65)]), ("%-5c|", [.number(65)]), ("%ca", [.number(65)]),
      ("%c", [.number(0)]), ("%%", []), ("%", []), ("%5", [one]), ("%l", [one]), ("%llld", [one]),
      ("%5%", []), ("%2000d", [one]), ("%9999999999d", [one]), ("%n", [one]), ("%f", [one]),
      ("a\tb", []), ("a\u{1}b", []), ("é %d", [one]), ("%dé", [one]), ("%sé", [text]),
      ("%*d", [one, one]), ("%zd", [one]), ("%lc", [one]), ("%ls", [text]), ("%5l", [one]),
    ]
    return plain.map { (Array($0.0.utf8), $0.1) }
      + [([0x25, 0x73, 0xa1], [text]), ([0x25, 0x70, 0xa0], [.number(0)]), ([0x80], [])]
  }()

  /// A call of `trace_printk`: "hello" at 0, the format from 8 on.
  public static func tracePrint(
    _ format: [UInt8], _ arguments: [HelperCall.Argument], size: Int? = nil
  ) -> HelperCall {
    let memory = Array("hello".utf8) + [0, 0, 0] + format + [0]
    let padded = arguments + Array(repeating: .number(0), count: max(0, 3 - arguments.count))
    return HelperCall(
      6, memory: memory + [UInt8](repeating: 0, count: 16),
      [.memory(8), .number(UInt64(size ?? format.count + 1))] + padded)
  }

  /// Texts with the base to read a number in.
  public static let numbers: [(text: String, flags: UInt64)] = [
    ("0", 0), ("123", 0), ("123abc", 0), ("-123", 0), ("  42", 10), ("\t-7 ", 10), ("+5", 0),
    ("0x1f", 0), ("0X1F", 0), ("0x", 0), ("0xg", 0), ("017", 0), ("08", 0), ("0x1f", 16),
    ("1f", 16), ("0x", 16), ("0x1f", 10), ("0x1f", 8), ("777", 8), ("8", 8), ("abc", 10),
    ("", 10), ("-", 10), ("- 1", 10), (" ", 10), ("5", 2), ("5", 7), ("5", 32), ("5", 42),
    ("9223372036854775807", 10), ("9223372036854775808", 10), ("-9223372036854775808", 10),
    ("-9223372036854775809", 10), ("18446744073709551615", 10), ("18446744073709551616", 10),
    ("99999999999999999999999", 10), ("-0", 10),
    (String(repeating: "0", count: 62) + "12", 10), ("ffffffffffffffff", 16),
  ]

  /// A call of `strtol` or `strtoul`: the result at 0, the text from 8 on.
  public static func parse(
    _ helper: Int32, _ text: String, _ flags: UInt64, resultWord: Int?
  ) -> HelperCall {
    HelperCall(
      helper, memory: [UInt8](repeating: 0xee, count: 8) + Array(text.utf8) + [0, 0],
      [.memory(8), .number(UInt64(max(text.utf8.count, 1))), .number(flags), .memory(0)],
      resultWord: resultWord)
  }
}
