import Foundation
import Switchyard
import SwitchyardControl
import Testing

/// What `switchyard chain`, `map` and `prog` show of a server, and how they fail.
@Suite("Commands that ask a server")
struct LiveChainTests {
  /// A server of the example's chain in this process.
  final class Server {
    let path = NSTemporaryDirectory() + "sy-\(UUID().uuidString.prefix(8))"
    private let server: ControlServer
    private let traffic: Traffic

    init(countsHops: Bool = false) throws {
      let object = [UInt8](try Data(contentsOf: URL(filePath: Objects.parser)))
      let live = try LiveRuntime(runtime: Runtime(), object: (object, "parser"), program: "entry")
      var packets: [[UInt8]] = []
      var reader = try CaptureReader(path: Objects.mixedCapture)
      while let packet = try reader.next() {
        packets.append(packet.bytes.withUnsafeBytes { [UInt8]($0) })
      }
      traffic = Traffic(packets: packets, through: live, rate: 20_000, countsHops: countsHops)
      server = try ControlServer(live, traffic: traffic, at: path)
      try traffic.start()
    }

    deinit {
      traffic.stop()
      server.stop()
    }

    func run(_ arguments: String...) -> CommandRun {
      CommandRun(arguments + ["--socket", path])
    }

    /// The graph, once enough packets have gone through for it to have misses.
    func graph() throws -> [String: Any] {
      for _ in 0..<200 {
        let graph = try run("chain", "graph", "-j").document
        if Self.uses(of: graph).contains(where: { $0.index == 2 && $0.missed > 0 }) { return graph }
        Thread.sleep(forTimeInterval: 0.02)
      }
      return try run("chain", "graph", "-j").document
    }

    struct Use {
      var array: String
      var index: Int
      var target: String?
      var taken: Int
      var missed: Int
    }

    static func uses(of graph: [String: Any]) -> [Use] {
      let programs = graph["programs"] as? [[String: Any]] ?? []
      return programs.flatMap { $0["tail_calls"] as? [[String: Any]] ?? [] }
        .flatMap { $0["uses"] as? [[String: Any]] ?? [] }
        .compactMap { use in
          guard let array = use["array"] as? String, let index = use["index"] as? Int else {
            return nil
          }
          let counts = use["tail_calls"] as? [String: Any]
          let missed = counts?["missed"] as? [String: Int] ?? [:]
          return Use(
            array: array, index: index, target: use["target"] as? String,
            taken: counts?["taken"] as? Int ?? 0, missed: missed.values.reduce(0, +))
        }
    }
  }

  @Test("chain graph draws the server's chain, with misses and their lines")
  func graph() throws {
    let server = try Server()
    let graph = try server.graph()
    #expect(graph["schema"] as? String == "switchyard.chain/1")
    #expect(graph["generation"] as? Int == 1)
    let uses = Server.uses(of: graph)
    #expect(uses.contains { $0.array == "layers" && $0.index == 2 && $0.missed > 0 })
    #expect(uses.allSatisfy { $0.taken == 0 }, "hops are only counted with --count-hops")
    let dot = server.run("chain", "graph").output
    #expect(dot.hasPrefix("digraph chain {\n"))
    #expect(dot.contains("\"ipv4\" -> \"tcp\" [label=\"protocols[6]"))
    #expect(dot.contains("missed\", style=dashed, color=red"))
    #expect(dot.contains(":95"))
    let mermaid = server.run("chain", "graph", "--format", "mermaid").output
    #expect(mermaid.hasPrefix("flowchart LR\n"))
    #expect(server.run("chain", "graph", "--format", "png").status == 64)
  }

  @Test("hops are on the arrows where the server counts them")
  func hops() throws {
    let server = try Server(countsHops: true)
    let uses = Server.uses(of: try server.graph())
    #expect(uses.contains { $0.target == "tcp" && $0.index == 6 && $0.taken > 0 })
  }

  @Test("chain check names slots that nothing fills, and ends with 1")
  func check() throws {
    let server = try Server()
    let check = server.run("chain", "check")
    #expect(check.status == 1)
    #expect(check.output.contains("layers[2] is empty, but called from ethernet"))
    #expect(server.run("chain", "apply", "layers[2]=tcp", "layers[3]=tcp").status == 0)
    #expect(!server.run("chain", "check").output.contains("is empty"))
  }

  @Test("programs of one name in one chain have their numbers behind it")
  func sameNames() throws {
    let server = try Server()
    #expect(server.run("prog", "load", Objects.parser).status == 0)
    let programs = try server.run("prog", "show", "-j").document["programs"] as? [[String: Any]]
    let ids = (programs ?? []).filter { $0["name"] as? String == "tcp" }.compactMap {
      $0["id"] as? Int
    }
    #expect(ids.count == 2)
    #expect(server.run("chain", "apply", "protocols[17]=id:\(ids.last ?? 0)").status == 0)
    let dot = server.run("chain", "graph").output
    for id in ids { #expect(dot.contains("\"tcp#\(id)\" [label=\"tcp#\(id)\"")) }
    #expect(dot.contains("\"udp\"") == false, "udp is in no slot any more")
    #expect(dot.contains("\"icmp\" ["), "a name that is there once has no number")
    let graph = try server.run("chain", "graph", "-j").document["programs"] as? [[String: Any]]
    let names = (graph ?? []).compactMap { $0["program"] as? String }
    #expect(Set(names).isSuperset(of: ids.map { "tcp#\($0)" }))
    let ambiguous = server.run("prog", "show", "name", "tcp")
    #expect(ambiguous.status == 64)
    #expect(ambiguous.errors.contains("several programs are called tcp"))
  }

  @Test("serve --count-hops counts, as a process")
  func countHops() throws {
    let program = try #require(ProcessRun.path("switchyard"))
    let socket = NSTemporaryDirectory() + "sy-\(UUID().uuidString.prefix(8))"
    let script = #"""
      export SWITCHYARD_SOCKET=$1
      "$0" serve "$2" --program entry -r "$3" --count-hops > /dev/null 2>&1 & server=$!
      trap 'kill $server' EXIT
      for i in $(seq 500); do
        "$0" chain graph 2> /dev/null | grep -q 'protocols.6. :106 [1-9]' && break
        sleep 0.02
      done
      "$0" chain graph
      """#
    let run = try ProcessRun(
      shell: script, program: program, [socket, Objects.parser, Objects.mixedCapture])
    let hops = run.output.split(separator: "\n").filter {
      $0.contains("\"ipv4\" -> \"tcp\" [label=\"protocols[6] :106 ")
    }
    #expect(hops.count == 1, "\(run.output) \(run.errors)")
  }

  @Test("what a server refuses ends as the same would with an object, in one line")
  func refusals() throws {
    let server = try Server()
    for (arguments, status, message) in [
      (["map", "lookup", "name", "unknown", "key", "1", "2", "3", "4"], 1, "ENOENT (2)"),
      (["map", "delete", "name", "unknown", "key", "1", "2", "3", "4"], 1, "ENOENT (2)"),
      (["map", "getnext", "name", "protocols", "key", "255", "0", "0", "0"], 1, "no key behind"),
      (["map", "lookup", "name", "unknown", "key", "1"], 64, "keys have 4 bytes, not 1"),
      (
        ["map", "update", "name", "unknown", "key", "1", "2", "3", "4", "value", "1"], 64,
        "values have 8 bytes, not 1"
      ),
      (["map", "show", "name", "nobody"], 64, "there is no map nobody"),
      (["map", "show", "bogus"], 64, "one word too many"),
      (["prog", "load", Objects.parser, "pin"], 64, "16 programs and was not loaded"),
      (["prog", "load", Objects.mixedCapture], 3, "not an ELF file"),
      (["prog", "unload", "1"], 1, "object 1 is part of generation 1"),
      (["chain", "apply"], 64, "no changes"),
      (["chain", "apply", "entry="], 64, "packets have to enter somewhere"),
      (["chain", "apply", "protocols[256]=tcp"], 64, "the array has 256 slots"),
      (["chain", "apply", "protocols[6]=nobody"], 64, "there is no program nobody"),
      (["chain", "rollback", "9"], 64, "no generation to go back to"),
      (["chain", "watch", "-c", "0"], 64, "-c takes a number from 1 on"),
      (["chain", "watch", "--interval", "0"], 64, "--interval takes"),
    ] {
      let run = CommandRun(arguments + ["--socket", server.path])
      #expect(run.status == Int32(status), "\(arguments): \(run.errors)")
      #expect(run.errors.contains(message), "\(arguments): \(run.errors)")
      #expect(run.errors.split(separator: "\n").count == 1, "\(arguments): \(run.errors)")
    }
    let programs = try server.run("prog", "show", "-j").document["programs"] as? [Any]
    #expect(programs?.count == 16, "what was refused left nothing")
  }

  @Test("a socket that nobody listens on, or that is none, is told apart from bad arguments")
  func sockets() throws {
    let plain = try TemporaryFile("plain", [1, 2, 3])
    let none = CommandRun("chain", "show", "--socket", "/nonexistent/s")
    #expect(none.status == 66)
    #expect(none.errors.contains("no server answers at /nonexistent/s"))
    #expect(CommandRun("chain", "show", "--socket", plain.path).status == 66)
    let long = CommandRun("chain", "show", "--socket", String(repeating: "a", count: 200))
    #expect(long.status == 64)
    #expect(long.errors.contains("too long"))
  }
}
