import Foundation
import TestSupport
import Testing

/// `prog dump jited`, sizes in `prog show`, and what `perf` is told.
@Suite("Machine code", .enabled(if: Engines.hasCompiler, "there is no compiler for this machine"))
struct MachineCodeTests {
  private static let hasDisassembler = FileManager.default.isExecutableFile(
    atPath: "/usr/bin/objdump")

  @Test("prog dump jited interleaves machine code with source lines, places and instructions")
  func dump() throws {
    let arguments = ["prog", "dump", "jited", Objects.steps, "--program", "again"]
    let plain = CommandRun(arguments).output.split(separator: "\n").map(String.init)
    #expect(plain[0].hasPrefix("bpf_prog_"))
    #expect(plain[0].hasSuffix("_again:"))
    #expect(plain.contains("; tail_call(context, &steps, 1);"))
    #expect(!plain.contains { $0.contains("line_num") })
    #expect(plain.contains { $0.hasPrefix("   0:\t") })

    let full = CommandRun(arguments + ["opcodes", "linum", "xlated"])
    #expect(full.status == 0)
    #expect(full.output.contains("; tail_call(context, &steps, 1); [file:steps.bpf.c line_num:64"))
    #expect(full.output.contains(";    3: (85) call bpf_tail_call#12"))
    if Self.hasDisassembler {
      #expect(plain.contains { $0.hasSuffix("ret") })
      // The bytes of a return, on a line of their own.
      #expect(full.output.contains("\n\tc3\n"))
    }
    #expect(CommandRun(arguments + ["colours"]).status == 64)
  }

  @Test("prog dump jited -j has every byte once, in order")
  func document() throws {
    let document = try CommandRun("prog", "dump", "jited", Objects.steps, "opcodes", "-j").document
    let programs = try #require(document["programs"] as? [[String: Any]])
    #expect(programs.count == 4)
    for program in programs {
      let rows = try #require(program["insns"] as? [[String: Any]])
      let size = try #require(program["bytes_jited"] as? Int)
      var next = 0
      for row in rows {
        #expect(row["pc"] as? String == "0x" + String(next, radix: 16))
        next += try #require(row["opcodes"] as? [String]).count
        #expect(row["disasm"] is String || !Self.hasDisassembler)
      }
      #expect(next == size)
      let tag = try #require(program["tag"] as? String)
      let name = try #require(program["name"] as? String)
      #expect(program["symbol"] as? String == "bpf_prog_\(tag)_\(name)")
    }
  }

  @Test("prog show has the size of the code, under bpftool's names")
  func sizes() throws {
    let document = try CommandRun("prog", "show", Objects.steps, "-j").document
    for program in try #require(document["programs"] as? [[String: Any]]) {
      #expect(program["jited"] as? Bool == true)
      #expect(try #require(program["bytes_jited"] as? Int) > 0)
      let count = try #require(program["insns"] as? Int)
      #expect(program["bytes_xlated"] as? Int == count * 8)
      #expect((program["tag"] as? String)?.count == 16)
    }
    #expect(CommandRun("prog", "show", Objects.steps).output.contains(" B  "))
    // What the verifier rejects is listed all the same.
    let careless = try CommandRun("prog", "show", Objects.careless, "-j").document
    let program = try #require((careless["programs"] as? [[String: Any]])?.first)
    #expect(program["jited"] as? Bool == false)
    #expect(program["bytes_jited"] as? Int == 0)
  }

  @Test("--perf-map names every compiled program by start, size and symbol")
  func perfMap() throws {
    let path = "/tmp/perf-\(ProcessInfo.processInfo.processIdentifier).map"
    let hadFile = FileManager.default.fileExists(atPath: path)
    try #require(!hadFile, "somebody else writes \(path)")
    defer { try? FileManager.default.removeItem(atPath: path) }
    let run = CommandRun(
      "run", Objects.steps, "--program", "start", "--hex", Packets.hex(Packets.slot(0)),
      "--perf-map")
    #expect(run.status == 0)
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 4)
    for line in lines {
      let words = line.split(separator: " ")
      #expect(words.count == 3)
      #expect(UInt64(words[0], radix: 16) ?? 0 > 0)
      #expect(UInt64(words[1], radix: 16) ?? 0 > 0)
      #expect(words[2].hasPrefix("bpf_prog_"))
    }
  }

  @Test("What is run in batches adds up to what is run one by one")
  func batches() throws {
    // Without questions about single packets they are run together.
    for engine in ["jit", "interpreter"] {
      let arguments = [
        "run", Objects.parser, "--program", "entry", "-r", Objects.mixedCapture, "-j", "--repeat",
        "3", "--engine", engine,
      ]
      var together = try CommandRun(arguments).document
      var single = try CommandRun(arguments + ["--per-packet"]).document
      #expect(single.removeValue(forKey: "results") != nil)
      for key in ["duration_ns"] {
        together[key] = nil
        single[key] = nil
      }
      #expect(NSDictionary(dictionary: together) == NSDictionary(dictionary: single))
    }
    // A fault names its packet, though others of its batch were done before.
    let packets = [0, 0, 0, 1, 0].map { Packets.slot($0) }
    let file = try TemporaryFile("in.pcap", capture(packets))
    let run = CommandRun(
      "run", Objects.careless, "-r", file.path, "--engine", "interpreter", "-j")
    #expect(run.status == 4)
    #expect(try (run.error["message"] as? String)?.contains("(packet 4, 3 done before)") == true)
  }
}
