import BPFInstructions
import BPFKernel
import BPFObject
import BPFRuntime
import BPFVerifier
import Foundation

/// A program that Linux and the verifier here take, and what it needs in either.
private struct LoadSubject {
  var name: String
  var program: VerifierProgram
  /// Instructions with descriptors of Linux's maps, and how to load them.
  var linked: [Instruction]
  var options: KernelProgram.Options
}

/// Measures the topic `load`: what proving a program safe costs, per instruction of the program.
///
/// Linux's figures are wall times of BPF_PROG_LOAD, which verifies and compiles; those in the
/// column of `switchyard-jit` are of verification alone in rows named `verify_*`.
func measureLoading(_ settings: Settings) throws -> [Row] {
  var rows: [Row] = []
  // Maps are only named by their descriptors.
  var kept: [KernelCollection] = []
  defer { withExtendedLifetime(kept) {} }
  for subject in try straightSubjects() + objectSubjects(&kept) {
    let count = subject.program.instructions.count
    let repetitions = try Sampling.repetitions(filling: settings.nanosecondsPerSample / 4) {
      times in
      for _ in 0..<times { _ = try Verifier(subject.program).verify() }
    }
    var contenders = [
      Contender(engine: "switchyard-jit", operations: repetitions * count) {
        for _ in 0..<repetitions { _ = try Verifier(subject.program).verify() }
        return nil
      }
    ]
    if Kernel.availability.isAvailable {
      contenders.append(
        Contender(engine: "linux", operations: count) {
          _ = try KernelProgram(subject.linked, subject.options)
          return nil
        })
    }
    for (engine, ns) in try Sampling.medians(of: contenders, rounds: settings.rounds) {
      rows.append(Row(topic: "load", name: "verify_" + subject.name, engine: engine, ns: ns))
    }
  }
  return rows
}

/// Generated code: straight, and with a branch in every fifth instruction.
private func straightSubjects() throws -> [LoadSubject] {
  let straight =
    "r1 = *(u32 *)(r1 +12)\nr0 = 0\n"
    + String(repeating: "r0 += r1\nr0 &= 255\n*(u64 *)(r10 -8) = r0\n", count: 10_000) + "exit"
  var branches = [
    "r2 = *(u32 *)(r1 +0)", "r3 = *(u32 *)(r1 +4)", "r4 = r2", "r4 += 64", "r0 = 1",
    "if r4 <= r3 goto fits", "exit", "fits: r0 = 0",
  ]
  for index in 0..<5_000 {
    branches += [
      "r5 = *(u8 *)(r2 +\(index % 64))", "if r5 > \(index % 200) goto l\(index)", "r0 += 3",
      "r0 &= 1023", "l\(index): r0 ^= \(index % 7)",
    ]
  }
  branches.append("exit")
  return try [("straight", straight), ("branches", branches.joined(separator: "\n"))].map {
    let code = try Assembler().assemble($1).instructions
    return LoadSubject(
      name: $0, program: VerifierProgram(instructions: code, type: .xdp), linked: code,
      options: KernelProgram.Options(type: 6))
  }
}

/// The larger programs of the benchmark's and the examples' objects.
private func objectSubjects(_ kept: inout [KernelCollection]) throws -> [LoadSubject] {
  let smallest = 100
  var subjects: [LoadSubject] = []
  for path in ["compute.o", "../../Examples/parser.o"] {
    let object = try benchmarkObject(String(path.dropLast(2)))
    let kernel = Kernel.availability.isAvailable ? try KernelCollection(object) : nil
    if let kernel { kept.append(kernel) }
    for spec in object.programs where spec.instructions.count >= smallest {
      guard let kind = spec.kind, let type = ProgramType.linux(number: kind.type) else { continue }
      var linked = spec.instructions
      for (slot, reference) in spec.references {
        let (map, source, offset): (Int, PseudoSource, UInt32) =
          switch reference {
          case .map(let map): (map, .mapDescriptor, 0)
          case .mapValue(let map, let offset): (map, .mapValueByDescriptor, offset)
          }
        linked[slot].source = Register(rawValue: source.rawValue)
        linked[slot].immediate = kernel?.maps[map].descriptor.rawValue ?? 0
        linked[slot + 1].immediate = Int32(bitPattern: offset)
      }
      subjects.append(
        LoadSubject(
          name: spec.name,
          program: VerifierProgram(
            spec, of: object, type: type,
            possibleCPUs: UInt32(truncatingIfNeeded: Kernel.possibleCPUCount)),
          linked: linked,
          options: KernelProgram.Options(
            type: kind.type, expectedAttachType: kind.expectedAttachType,
            license: object.license ?? "", name: spec.name)))
    }
  }
  return subjects
}
