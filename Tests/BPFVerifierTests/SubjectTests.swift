import BPFKernel
import BPFObject
import BPFRuntime
import BPFVerifier
import Foundation
import TestSupport
import Testing

/// `subjects.bpf.o` and `subjects-types.bpf.o`: compiled programs on the subjects that verifiers
/// are tested by. The first word of a program's name is Linux's verdict.
@Suite("Compiled programs, subject by subject")
struct SubjectTests {
  private static let names = ["subjects", "subjects-types"]

  private static func object(_ name: String) throws -> ObjectFile {
    let path = Fixtures.path("objects/\(name).bpf.o")
    return try ObjectFile(bytes: [UInt8](try Data(contentsOf: URL(filePath: path))), name: name)
  }

  @Test("have the verdict of their name here", arguments: Self.names)
  func here(_ name: String) throws {
    let object = try Self.object(name)
    #expect(object.refused.isEmpty)
    for spec in object.programs {
      let kind = try #require(spec.kind)
      let type = try #require(
        ProgramType.described(number: kind.type, expectedAttachType: kind.expectedAttachType))
      var refusal: VerifierError?
      do throws(VerifierError) {
        _ = try Verifier(VerifierProgram(spec, of: object, type: type)).verify()
      } catch {
        refusal = error
        #expect(error.line != nil && !error.hint.isEmpty, "\(spec.name): \(error)")
      }
      #expect(
        (refusal == nil) == spec.name.hasPrefix("accept_"),
        "\(spec.name): \(refusal.map { "\($0)" } ?? "accepted")")
    }
    #expect(object.programs.count >= 25)
  }

  @Test("and in Linux", .requiresKernel, arguments: Self.names)
  func linux(_ name: String) throws {
    let object = try Self.object(name)
    let verdicts = try KernelCollection.verdicts(of: object)
    for spec in object.programs {
      let error = try #require(verdicts[spec.name])
      #expect(
        (error == nil) == spec.name.hasPrefix("accept_"),
        "\(spec.name): \(error.map { VerifierCase.decisiveLine(of: $0.log) } ?? "accepted")")
    }
  }
}
