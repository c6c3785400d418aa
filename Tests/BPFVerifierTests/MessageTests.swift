import BPFInstructions
import BPFObject
import BPFRuntime
import BPFVerifier
import TestSupport
import Testing

@Suite("Errors teach")
struct MessageTests {
  struct Mistake: Sendable, CustomTestStringConvertible {
    var code: String
    /// Part of Linux's message.
    var message: String
    /// Part of the hint.
    var hint: String
    /// The slot of the instruction that is wrong.
    var slot: Int?

    var testDescription: String { message }
  }

  private static let mistakes = [
    Mistake(
      code: """
        r2 = *(u32 *)(r1 +0)
        r3 = *(u32 *)(r1 +4)
        r4 = r2
        r4 += 14
        if r4 > r3 goto out
        r0 = *(u32 *)(r2 +14)
        out: r0 = 2
        exit
        """, message: "invalid access to packet, off=14 size=4, R2(id=0,off=14,r=14)",
      hint: "if (data + 18 > data_end)", slot: 5),
    Mistake(
      code: """
        *(u32 *)(r10 -4) = r10
        exit
        """, message: "invalid size of register spill", hint: "pointer type", slot: 0),
    Mistake(
      code: """
        *(u32 *)(r10 -4) = 7
        r2 = r10
        r2 += -4
        r1 = map[data]
        call map_lookup_elem
        r0 = *(u64 *)(r0 +0)
        exit
        """, message: "R0 invalid mem access 'map_value_or_null'", hint: "if (!value) return 0;",
      slot: 6),
    Mistake(
      code: """
        r6 = map[one][0]+0
        r1 = *(u64 *)(r6 +0)
        r1 &= 127
        r6 += r1
        r0 = *(u8 *)(r6 +0)
        exit
        """, message: "invalid access to map value, value_size=64 off=127 size=1",
      hint: "if (index >= 64) return 0;", slot: 5),
    Mistake(code: "exit", message: "R0 !read_ok", hint: "int value = 0;", slot: 0),
    Mistake(
      code: "r0 = *(u32 *)(r1 +64)\nexit", message: "invalid bpf_context access off=64 size=4",
      hint: "reads the whole field", slot: 0),
    Mistake(
      code: "l: r0 = *(u32 *)(r1 +12)\nif r0 != 7 goto l\nexit",
      message: "infinite loop detected at insn", hint: "constant limit", slot: nil),
    Mistake(
      code: "*(u64 *)(r10 -520) = 0\nr0 = 0\nexit",
      message: "invalid write to stack R10 off=-520 size=8", hint: "per-CPU array", slot: 0),
    Mistake(code: "r0 = 0\nexit\nexit", message: "unreachable insn 2", hint: "dead code", slot: 2),
    Mistake(code: "r10 = 0\nexit", message: "frame pointer is read only", hint: "copy", slot: 0),
  ]

  private func program(_ code: String) throws -> VerifierProgram {
    let assembled = try Assembler(helperNumber: HelperNames.number(of:)).assemble(code)
    var program = VerifierProgram(
      instructions: assembled.instructions, type: .xdp,
      maps: [
        MapShape(
          MapDefinition(name: "one", type: .array, keySize: 4, valueSize: 64, maxEntries: 1)),
        MapShape(
          MapDefinition(name: "data", type: .array, keySize: 4, valueSize: 16, maxEntries: 4)),
      ])
    for (slot, name) in assembled.references {
      program.references[slot] = VerifierProgram.MapReference(
        map: name == "one" ? 0 : 1, valueOffset: name == "one" ? 0 : nil)
    }
    for slot in assembled.instructions.indices {
      program.lines.append(
        LineInfo(
          slot: slot, file: "test.bpf.c", line: slot + 1, column: 1, text: "line \(slot + 1)",
          fileNameOffset: 0, textOffset: 0))
    }
    return program
  }

  @Test("A mistake has Linux's words, the source line and a hint", arguments: mistakes)
  func explains(mistake: Mistake) throws {
    let program = try program(mistake.code)
    let error = #expect(throws: VerifierError.self) { try Verifier(program).verify() }
    let found = try #require(error)
    #expect(found.message.contains(mistake.message))
    #expect(found.hint.contains(mistake.hint), "\(found.hint)")
    #expect(!found.why.isEmpty)
    #expect(found.line?.line == found.instruction.map { $0 + 1 })
    if let slot = mistake.slot { #expect(found.instruction == slot) }
  }

  /// Errors of programs of other types, with a part of the hint.
  private static let typed: [(file: String, name: String, hint: String)] = [
    ("sockets", "skc_lookup_tcp: read without a test", "if (!sk) return 0;"),
    ("sockets", "skc_lookup_tcp: 4 bytes at 8 of the socket", "bpf_sk_fullsock(sk)"),
    ("sockets", "sk_lookup_tcp: not released", "bpf_sk_release(sk);"),
    ("sockets", "the context's socket is given back", "release only what a lookup"),
    ("locks-and-timers", "a helper is called under the lock", "bpf_spin_unlock(&value->lock);"),
    ("locks-and-timers", "locked and not unlocked", "on every path"),
    ("locks-and-timers", "the lock is read", "bpf_spin_lock(&value->lock);"),
    ("locks-and-timers", "a lock in a value without one", "__type(value, struct value);"),
    ("dynptrs", "data of one is not there", "bpf_ringbuf_reserve_dynptr("),
    ("dynptrs", "reserved twice in the same place", "bpf_ringbuf_discard_dynptr("),
    ("dynptrs", "submitted twice", "only what was reserved"),
    ("callbacks-and-tracing", "a loop without type information", "compile with -g"),
    ("callbacks-and-tracing", "xdp: user memory is copied", "SEC("),
    ("callbacks-and-tracing", "syscall: a map of programs", "array or a hash"),
    ("packet-types", "cgroup_skb: the packet is written", "bpf_skb_load_bytes("),
    ("packet-types", "cgroup_skb: the packet is printed", "__builtin_memcpy("),
    ("return-types", "sk_lookup returns 2", "return 0 or 1;"),
  ]

  @Test("Errors of all types of programs have Linux's words and a hint that can be typed in")
  func typedMistakes() throws {
    let cases = Dictionary(grouping: try VerifierCase.all) { $0.group }
    for (file, name, hint) in Self.typed {
      guard let found = cases[file]?.first(where: { $0.name == name }) else {
        Issue.record("there is no case \(name)")
        continue
      }
      let program = try #require(try found.verifierProgram())
      let error = #expect(throws: VerifierError.self, "\(name)") { try Verifier(program).verify() }
      #expect(error?.hint.contains(hint) == true, "\(name): \(error?.hint ?? "")")
      #expect(error?.why.hasPrefix("The verifier cannot prove") == false, "\(name)")
      if case .reject(_, let message) = found.verdict {
        #expect(error?.message.contains(message) == true, "\(name)")
      }
    }
  }

  @Test("Every recorded refusal is explained in plain words and has a hint")
  func recordedRefusals() throws {
    var unexplained: [String: [String]] = [:]
    var count = 0
    for verifierCase in try VerifierCase.all where !verifierCase.isAccepted {
      guard let program = try verifierCase.verifierProgram() else { continue }
      let options = VerifierOptions(isStrict: verifierCase.isStrict)
      do throws(VerifierError) {
        _ = try Verifier(program, options: options).verify()
      } catch {
        count += 1
        guard error.hint.isEmpty || error.why.hasPrefix("The verifier cannot prove") else {
          continue
        }
        let message = error.message.filter { !$0.isNumber }
        unexplained[message, default: []].append("\(verifierCase)")
      }
    }
    for (message, cases) in unexplained.sorted(by: { $0.value.count > $1.value.count }) {
      Issue.record("\(cases.count): \(message): \(cases[0])")
    }
    #expect(count > 1000)
  }

  @Test("The history names the steps that made the register and the branches that led there")
  func history() throws {
    let error = #expect(throws: VerifierError.self) {
      try Verifier(program(Self.mistakes[0].code)).verify()
    }
    let steps = try #require(error).history
    #expect(steps.contains { $0.instruction == 4 && $0.text.contains("not taken") })
    #expect(steps.contains { $0.instruction == 0 })
  }

  @Test("Facts tell dead code, decided jumps, maps and what memory is touched")
  func facts() throws {
    let code = """
      r6 = map[one][0]+0
      r0 = *(u64 *)(r6 +8)
      r1 = 3
      if r1 > 2 goto out
      r0 = 1
      out: *(u64 *)(r10 -8) = r0
      exit
      """
    let verified = try Verifier(program(code)).verify()
    #expect(verified.facts[2].memory == .mapValue)
    #expect(verified.facts[0].map == 0)
    #expect(verified.facts[4].isTaken && !verified.facts[4].isFallenThrough)
    #expect(!verified.facts[5].isReached)
    #expect(verified.facts[6].memory == .stack)
    #expect(verified.stackDepths == [8])
  }

  @Test("The log has instructions at level 1, states at level 2 and the totals")
  func log() throws {
    let code = "r0 = *(u32 *)(r1 +12)\nr0 &= 7\nexit"
    let brief = try Verifier(program(code), options: VerifierOptions(logLevel: 1)).verify().log
    #expect(brief.contains("0: (61) r0 = *(u32 *)(r1 +12)"))
    #expect(brief.contains("processed 3 insns (limit 1000000)"))
    let full = try Verifier(program(code), options: VerifierOptions(logLevel: 2)).verify().log
    #expect(full.contains("R0=scalar(smin=0,smax=7"))
  }

  @Test("Strict rules keep addresses inside")
  func strict() throws {
    let leaks = [
      "r0 = r10\nexit", "r0 = 0\nif r10 == r1 goto l\nl: exit",
      "r6 = map[one][0]+0\n*(u64 *)(r6 +0) = r10\nr0 = 0\nexit", "r0 = *(u64 *)(r10 -8)\nexit",
    ]
    for code in leaks {
      _ = try Verifier(program(code)).verify()
      #expect(throws: VerifierError.self, "\(code)") {
        try Verifier(program(code), options: VerifierOptions(isStrict: true)).verify()
      }
    }
  }

  @Test("A million instructions are the limit, and near it a program is still verified")
  func limit() throws {
    let counted = "r0 = 0\nl: r0 += 1\nif r0 < 20000 goto l\nexit"
    let statistics = try Verifier(program(counted)).verify().statistics
    #expect(statistics.processedInstructions == 40_002)
  }
}
