import BPFCompiler
import BPFInstructions
import BPFRuntime
import TestSupport
import Testing

@Suite(.enabled(if: Compilers.isAvailable, "needs x86-64 Linux"))
struct CompiledInstructionTests {
  @Test("Every instruction test that does not fault gives the same in compiled code")
  func cases() throws {
    for compiler in try Compilers.all() {
      let runtime = Runtime(compiler: compiler)
      var count = 0
      for item in try InstructionCase.all {
        guard case .result(let value) = item.expectation else { continue }
        let program = try Assembler().assemble(item.assembly).instructions
        do {
          let outcome = try runtime.outcome(
            of: program, on: item.memory ?? [], engine: .compiled)
          #expect(outcome.value == value, "\(item)")
        } catch LoadError.notCompilable(let reason, _) where reason.contains("recursive") {
          // Frames are bounded by a program's text here, as in Linux.
          #expect(item.name.contains("recursion"))
        } catch {
          Issue.record("\(item): \(error)")
        }
        count += 1
      }
      #expect(count > 100)
    }
  }

  @Test("A program whose calls are not bounded by its text is refused")
  func recursion() throws {
    let runtime = Runtime(compiler: .x86())
    let recursive = try Assembler().assemble("call f\nexit\nf: call f\nexit").instructions
    expectRefusal(runtime, recursive, "recursive")
    var deep = "call f0\nexit\n"
    for depth in 0..<8 { deep += "f\(depth): call f\(depth + 1)\nexit\n" }
    expectRefusal(runtime, try Assembler().assemble(deep + "f8: exit").instructions, "deep")
    let open = try Assembler().assemble("call f\nf: r0 = 0\nexit")
    expectRefusal(runtime, open.instructions, "without exit")
  }

  private func expectRefusal(
    _ runtime: Runtime, _ instructions: [Instruction], _ reason: String
  ) {
    let source = ProgramSource(name: "test", type: .memory, instructions: instructions)
    let error = #expect(throws: LoadError.self) { try runtime.loadUnverified(source) }
    #expect("\(error.map { "\($0)" } ?? "")".contains(reason))
  }

  @Test("A runtime without a compiler says so")
  func withoutCompiler() {
    let source = ProgramSource(
      name: "test", type: .memory,
      instructions: [Instruction(.move64Immediate), Instruction(.exit)])
    #expect(throws: LoadError.noCompiler) { try Runtime().load(source, engine: .compiled) }
    #expect(throws: LoadError.noCompiler) { try Runtime().loadUnverified(source) }
  }

  @Test("What nobody has verified is not compiled, nor what was verified with other instructions")
  func unverified() throws {
    let runtime = Runtime(compiler: .x86())
    var source = ProgramSource(
      name: "test", type: .memory,
      instructions: [Instruction(.move64Immediate), Instruction(.exit)])
    #expect(throws: LoadError.notVerified) { try runtime.load(source, engine: .compiled) }
    source.facts = [InstructionFacts()]
    for engine in Runtime.Engine.allCases {
      #expect(throws: LoadError.notVerified) { try runtime.load(source, engine: engine) }
    }
    let trusted = try runtime.loadUnverified(source)
    #expect(trusted.engine == .compiled)
    #expect(!trusted.isVerified)
  }
}
