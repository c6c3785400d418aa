import BPFKernel
import BPFObject
import BPFRuntime
import BPFVerifier
import Foundation
import TestSupport
import Testing

@Suite("Single programs get Linux's verdict", .requiresKernel)
struct SingleProgramTests {
  /// Compares every program of an object that is described here; returns how many.
  private func compare(_ object: ObjectFile, _ name: String) throws -> Int {
    let linux = try KernelCollection.verdicts(of: object)
    var compared = 0
    for spec in object.programs {
      guard let kind = spec.kind, let verdict = linux[spec.name],
        let type = ProgramType.described(
          number: kind.type, expectedAttachType: kind.expectedAttachType)
      else { continue }
      var ours: VerifierError?
      do throws(VerifierError) {
        _ = try Verifier(VerifierProgram(spec, of: object, type: type, possibleCPUs: 2)).verify()
      } catch {
        ours = error
      }
      compared += 1
      let linuxText = verdict.map { String("\($0)".suffix(300)) } ?? "accepted"
      #expect(
        (ours == nil) == (verdict == nil),
        "\(name) \(spec.name): here \(ours?.message ?? "accepted"), Linux \(linuxText)")
    }
    return compared
  }

  @Test(
    "Programs of events, groups and sockets, written in C",
    arguments: ["events", "sockets"])
  func fixtures(name: String) throws {
    let bytes = try Fixtures.bytes(ofFile: Fixtures.path("objects/\(name).bpf.o"))
    #expect(try compare(ObjectFile(bytes: bytes), name) >= 7)
  }

  @Test(
    "Objects inside Debian's tools; what needs CO-RE or the kernel's types is named",
    .enabled(if: !EmbeddedObjects.carriers.isEmpty, "needs Debian's libbpf-tools or libknot"))
  func embedded() throws {
    var compared = 0
    var needCORE = 0
    for path in EmbeddedObjects.carriers {
      for bytes in EmbeddedObjects.objects(in: try Fixtures.bytes(ofFile: path)) {
        let object = try ObjectFile(bytes: bytes)
        needCORE += object.refused.count
        for program in object.refused {
          #expect([.coreRelocation, .unresolvedExtern].contains(program.error.code))
        }
        // A map that Linux refuses keeps the object from being compared.
        guard let count = try? compare(object, path) else { continue }
        compared += count
      }
    }
    print("objects: \(compared) programs inside tools were compared; \(needCORE) need CO-RE")
    #expect(compared + needCORE > 0)
  }
}
