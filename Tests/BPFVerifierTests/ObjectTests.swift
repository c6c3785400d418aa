import BPFKernel
import BPFObject
import BPFRuntime
import BPFVerifier
import Foundation
import TestSupport
import Testing

@Suite("Objects get Linux's verdict", .requiresKernel)
struct ObjectTests {
  private static let root = Fixtures.path("../..")

  private static var paths: [String] {
    let folders = [
      root + "/Examples", root + "/Benchmarks/Programs", root + "/Tests/Fixtures/objects",
      "/usr/lib/x86_64-linux-gnu/bpf",
    ]
    return folders.flatMap { folder -> [String] in
      guard let names = FileManager.default.enumerator(atPath: folder) else { return [] }
      return names.compactMap { $0 as? String }.filter { $0.hasSuffix(".o") }.sorted()
        .map { folder + "/" + $0 }
    }
  }

  private static func type(_ kind: ProgramKind) -> ProgramType? {
    ProgramType.described(number: kind.type, expectedAttachType: kind.expectedAttachType)
  }

  @Test("Every program of every object that can be linked")
  func objects() throws {
    var agreed = 0
    var work = (here: 0, linux: 0)
    for path in Self.paths {
      guard let data = FileManager.default.contents(atPath: path),
        let object = try? ObjectFile(bytes: [UInt8](data))
      else { continue }
      let programs = object.programs.filter {
        $0.kind.flatMap(Self.type) != nil
      }
      guard !programs.isEmpty, programs.count == object.programs.count else { continue }
      var linux: KernelError?
      var loaded: KernelCollection?
      do throws(KernelError) {
        loaded = try KernelCollection(object)
      } catch {
        linux = error
      }
      var ours: [String] = []
      for spec in programs {
        guard let type = spec.kind.flatMap(Self.type) else { continue }
        do throws(VerifierError) {
          let program = VerifierProgram(spec, of: object, type: type, possibleCPUs: 2)
          let verified = try Verifier(program).verify()
          work.here += verified.statistics.processedInstructions
          let facts = try? loaded?.program(named: spec.name)?.facts
          work.linux += Int(facts?.verifiedInstructionCount ?? 0)
        } catch {
          ours.append("\(spec.name): \(error)")
        }
      }
      if linux == nil { agreed += programs.count }
      #expect(
        (linux == nil) == ours.isEmpty,
        "\(path): here \(ours), Linux: \(linux.map { "\($0)".suffix(300) } ?? "accepted")")
    }
    print(
      "objects: \(agreed) programs were accepted by both; \(work.here) instructions were verified, "
        + "\(work.linux) by Linux")
    #expect(agreed > 0)
    // Twice Linux's work would mean that states are compared worse than there.
    #expect(work.here < work.linux * 2)
  }
}
