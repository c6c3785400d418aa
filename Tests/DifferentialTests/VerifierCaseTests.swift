import BPFInstructions
import TestSupport
import Testing

@Suite("The verifier cases in text files")
struct VerifierCaseTests {
  @Test("all assemble, and refer to nothing that is not declared")
  func assemble() throws {
    for verifierCase in try VerifierCase.all {
      do {
        let program = try verifierCase.assembled()
        #expect(!program.instructions.isEmpty, "\(verifierCase)")
        for function in verifierCase.functions {
          #expect(program.labels[function.name] != nil, "\(verifierCase): \(function.name)")
        }
        let types = FunctionTypes(verifierCase, in: program)
        let described = verifierCase.functions.isEmpty ? nil : verifierCase.functions.count + 1
        #expect(types?.records.count == described, "\(verifierCase)")
      } catch {
        Issue.record("\(verifierCase): \(error)")
      }
    }
  }

  @Test("every class has cases on both sides, and no program occurs twice in its class")
  func counts() throws {
    let all = try VerifierCase.all
    #expect(all.count >= 1500)
    let groups = Dictionary(grouping: all, by: \.group)
    #expect(groups.count == (try VerifierCase.files.count))
    for (group, cases) in groups {
      #expect(cases.contains { $0.isAccepted }, "\(group)")
      #expect(cases.contains { !$0.isAccepted }, "\(group)")
      var seen: [VerifierCase: String] = [:]
      for var verifierCase in cases {
        let name = verifierCase.description
        (verifierCase.name, verifierCase.line, verifierCase.verdictLine) = ("", 0, 0)
        let twin = seen.updateValue(name, forKey: verifierCase)
        #expect(twin == nil, "\(name)")
      }
    }
  }

  @Test(
    "files that do not keep to the format are refused",
    arguments: [
      ("r0 = 1", "test.vt:1: 'r0 = 1' is no fact of a case"),
      ("type moon", "unknown program type"),
      ("attach moon", "unknown attach type"),
      ("map a moon", "unknown map type"),
      ("map a array moon", "unknown 'moon'"),
      ("map a array key=x", "unknown 'key=x'"),
      ("value a 0 00", "declared before"),
      ("map a array\nvalue a 0 0", "half a byte"),
      ("map a array\nvalue a 0 0g", "'0g' is no byte"),
      ("function work: int()", "expected 'function static"),
      ("function static work: moon()", "unknown type 'moon'"),
      ("-- code", "in the wrong place"),
      ("-- case a\n-- accept", "in the wrong place"),
      ("-- case a\n-- code\nexit", "the last case has no verdict"),
      ("-- case a\n-- case b", "the case before this has no verdict"),
      ("-- case a\n-- code\nexit\n-- accept\nexit", "this line is in no case"),
      ("-- case a\n-- code\nexit\n-- accept\n-- case a", "the name is there twice"),
      ("-- case a\n-- code\nexit\n-- accept 0x1", "a return value without 'run'"),
      ("run\n-- case a\n-- code\nexit\n-- accept 1", "'1' is no return value"),
    ])
  func formatErrors(text: String, message: String) throws {
    let error = #expect(throws: VerifierCase.FormatError.self) {
      try VerifierCase.parse(text, file: "test.vt")
    }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test("a case has the facts of its file and its own, and its verdict")
  func fields() throws {
    let text = """
      # About this file.
      type sched_cls
      map data array key=4 value=2 entries=3 rdonly_prog frozen

      -- case first
      license MIT
      value data 1 0aff
      function global work: u64(context, memory8!)
      run 00ff
      -- code
      work: r0 = 0
      # A comment of the code.
      exit
      -- accept 0x1f

      -- case second
      type cgroup_skb
      attach cgroup_inet_egress
      -- code
      exit
      -- reject EACCES: R0 !read_ok: why
      """
    let cases = try VerifierCase.parse(text, file: "group.vt")
    let first = try #require(cases.first)
    #expect(first.description == "group.vt:5: first")
    #expect(first.programTypeNumber == 3)
    #expect(first.license == "MIT")
    #expect(first.packet == [0, 0xff])
    #expect(
      first.maps == [
        VerifierCase.Map(
          name: "data", type: "array", keySize: 4, valueSize: 2, maxEntries: 3, flags: 0x80,
          isFrozen: true, values: [1: [0x0a, 0xff]])
      ])
    #expect(
      first.functions == [
        VerifierCase.Function(
          name: "work", isGlobal: true, result: .unsigned(byteCount: 8),
          parameters: [.context, .memory(byteCount: 8, isNonNull: true)])
      ])
    #expect(try first.assembled().instructions.count == 2)
    #expect(first.verdict == .accept(returnValue: 0x1f))
    let second = try #require(cases.last)
    #expect(second.maps.first?.values.isEmpty == true)
    #expect(second.attachTypeNumber == 1)
    #expect(second.verdict == .reject(errno: "EACCES", message: "R0 !read_ok: why"))
    #expect(second.verdict.description == "reject EACCES: R0 !read_ok: why")
    #expect(second.verdictLine == 21)
  }
}
