import BPFRuntime
import TestSupport
import Testing

@Suite("Text and dynamic pointers do what they do in Linux", .requiresKernel)
struct TextAndPointerComparisonTests {
  /// Runs a program in all engines, each with maps of its own, and expects Linux's result and map.
  ///
  /// - Returns: Whether Linux took the program.
  private func compare(
    _ text: String, _ comment: String, _ prepare: (any Bench) throws -> Void
  ) throws -> Bool {
    func outcome(_ engine: Engine) throws -> (UInt32, [UInt64]) {
      let bench = try engine.bench()
      try bench.makeCounters("out", 16)
      try prepare(bench)
      try bench.load("main", text)
      return (try bench.run("main"), try bench.counters("out"))
    }
    let expected: (UInt32, [UInt64])
    do {
      expected = try outcome(.kernel)
    } catch let error as BenchError {
      #expect(error.errno == .invalid || error.errno == .accessDenied, "\(comment): \(error)")
      return false
    }
    for engine in Engine.ours {
      let actual = try outcome(engine)
      #expect(actual == expected, "\(engine) \(comment)")
    }
    return true
  }

  /// Text that Linux makes before the rest, behind other text.
  private static let mixed: [(format: [UInt8], arguments: [HelperCall.Argument])] = [
    ("ab%pI4c", [.memory(0)]), ("ab%pksc", [.memory(0)]), ("a%pI4b%pI4", [.memory(0), .memory(0)]),
    ("ab%sc", [.memory(0)]), ("%s%pks", [.memory(0), .memory(0)]), ("%20pB|", [.number(1)]),
  ].map { (Array($0.0.utf8), $0.1) }

  @Test("snprintf writes the same text into any room")
  func formats() throws {
    var count = 0
    for (format, arguments) in HelperCalls.formats + Self.mixed {
      for room in [64, 7, 3, 2, 1, 0] {
        let values = arguments.enumerated().map { index, argument in
          let value =
            switch argument {
            case .number(let number): "r1 = \(number) ll"
            case .memory: "r1 = map[out][0]+0"
            }
          return "\(value)\n*(u64 *)(r10 -\(32 - 8 * index)) = r1"
        }
        let text = """
          r1 = 0x6f6c6c6568 ll
          r2 = map[out][0]+0
          *(u64 *)(r2 +0) = r1
          *(u64 *)(r10 -32) = 0
          \(values.joined(separator: "\n"))
          r1 = map[out][0]+16
          r2 = \(room)
          r3 = map[format][0]+0
          r4 = r10
          r4 += -32
          r5 = \(8 * arguments.count)
          call 165
          exit
          """
        let taken = try compare(text, "\(String(decoding: format, as: UTF8.self)) in \(room)") {
          try $0.makeMap(
            "format",
            MapDefinition(
              name: "format", type: .array, keySize: 4, valueSize: 64, maxEntries: 1,
              flags: .readOnlyForPrograms))
          let padded = format + [UInt8](repeating: 0, count: 64 - format.count)
          try $0.update("format", [0, 0, 0, 0], padded, flags: 0)
          try $0.freeze("format")
        }
        if taken { count += 1 }
      }
    }
    #expect(count > 150)
  }

  /// Makes a dynamic pointer to 24 bytes of a map at `r10 -16`; its bytes are 1 to 24.
  private static func made(flags: Int) -> String {
    let fill = (0..<3).map { word in
      let value = (0..<8).reduce(UInt64(0)) { $0 | UInt64(word * 8 + $1 + 1) << UInt64(8 * $1) }
      return "r1 = \(value) ll\n*(u64 *)(r6 +\(word * 8)) = r1"
    }
    return """
      r6 = map[out][0]+0
      \(fill.joined(separator: "\n"))
      r1 = r6
      r2 = 24
      r3 = \(flags)
      r4 = r10
      r4 += -16
      call 197
      *(u64 *)(r6 +24) = r0
      """
  }

  private static let places = [(0, 24), (0, 8), (3, 5), (16, 8), (17, 8), (24, 1), (-1, 1)]

  @Test("dynptr_read and dynptr_write copy the same bytes")
  func copies() throws {
    for made in [0, 1] {
      for (offset, count) in Self.places {
        for flags in [0, 1] {
          let read = """
            \(Self.made(flags: made))
            r1 = map[out][0]+32
            r2 = \(count)
            r3 = r10
            r3 += -16
            r4 = \(offset)
            r5 = \(flags)
            call 201
            exit
            """
          let write = """
            \(Self.made(flags: made))
            r1 = r10
            r1 += -16
            r2 = \(offset)
            r3 = map[text][0]+0
            r4 = \(count)
            r5 = \(flags)
            call 202
            exit
            """
          for text in [read, write] {
            let taken = try compare(text, "\(made) \(offset) \(count) \(flags)") {
              try $0.makeCounters("text", 3)
              try $0.setCounters("text", [0x8877_6655_4433_2211, 2, 3], count: 3)
            }
            #expect(taken, "\(made) \(offset) \(count) \(flags)")
          }
        }
      }
    }
  }

  @Test("dynptr_data finds the same bytes")
  func data() throws {
    for made in [0, 1] {
      for (offset, count) in Self.places {
        let text = """
          \(Self.made(flags: made))
          r1 = r10
          r1 += -16
          r2 = \(offset)
          r3 = \(count)
          call 203
          if r0 == 0 goto out
          r1 = 77
          *(u8 *)(r0 +0) = r1
          r1 = *(u8 *)(r0 +\(count - 1))
          r0 = r1
          r0 += 1000
          out:
          exit
          """
        let taken = try compare(text, "\(made) \(offset) \(count)") { _ in }
        #expect(taken, "\(made) \(offset) \(count)")
      }
    }
  }
}
