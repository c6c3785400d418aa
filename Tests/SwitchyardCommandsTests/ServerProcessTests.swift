import Foundation
import Testing

/// Servers and clients as processes, which end at any moment.
///
/// More by hand: `SWITCHYARD_KILLS=200 swift test --filter ServerProcessTests`.
@Suite("A server that is killed")
struct ServerProcessTests {
  private static let rounds =
    ProcessInfo.processInfo.environment["SWITCHYARD_KILLS"].flatMap { Int($0) } ?? 8

  /// Applies changes of two slots as fast as it can, until it is told to end; then reads the chain
  /// that a new server finds. Prints what is in the two slots, and what the server found.
  private static let script = #"""
    state=$1; object=$2; capture=$3; delay=$4; victim=$5
    export SWITCHYARD_SOCKET=$state.sock
    start() {
      "$0" serve $6 --program entry -r "$capture" --state "$state" > "$state.log" 2>&1 & server=$!
      for i in $(seq 200); do
        "$0" chain history > /dev/null 2>&1 && return
        kill -0 $server 2> /dev/null || { cat "$state.log" >&2; exit 1; }
        sleep 0.02
      done
      exit 1
    }
    rm -f "$state.sock"
    if [ -e "$state/current" ]; then start "$@"; else start "$1" "$2" "$3" "$4" "$5" "$object"; fi
    ( while :; do
        "$0" chain apply 'protocols[6]=udp' 'protocols[17]=tcp'
        "$0" chain apply 'protocols[6]=tcp' 'protocols[17]=udp'
      done > /dev/null 2>&1 ) & client=$!
    sleep "$delay"
    if [ "$victim" = server ]; then kill -9 $server; kill -9 $client
    else kill -9 $client; pkill -9 -P $client; kill -9 $server; fi
    wait 2> /dev/null
    start "$1" "$2" "$3" "$4" "$5"
    "$0" map lookup name protocols key 6 0 0 0 | head -1
    "$0" map lookup name protocols key 17 0 0 0 | head -1
    kill $server; wait $server
    grep found: "$state.log"
    """#

  @Test("finds the old chain or the new one, never half of both, and says what it found")
  func kills() throws {
    let program = try #require(ProcessRun.path("switchyard"))
    let examples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Examples").path
    let state = NSTemporaryDirectory() + "sy-kill-\(UUID().uuidString.prefix(8))"
    defer {
      for name in [state, state + ".log", state + ".sock"] {
        try? FileManager.default.removeItem(atPath: name)
      }
    }
    var chains: Set<[String]> = []
    for round in 0..<Self.rounds {
      let delay = Double.random(in: 0.01...0.3)
      let run = try ProcessRun(
        shell: Self.script, program: program,
        [
          state, examples + "/parser.o", examples + "/captures/mixed.pcap", "\(delay)",
          round.isMultiple(of: 2) ? "server" : "client",
        ])
      let lines = run.output.split(separator: "\n").map(String.init)
      let slots = lines.prefix(2).map { String($0.split(separator: " ").last ?? "") }
      #expect(
        slots == ["tcp", "udp"] || slots == ["udp", "tcp"],
        "round \(round), \(delay) s: \(run.output) \(run.errors)")
      #expect(lines.dropFirst(2).contains { $0.contains("was current: restored") })
      chains.insert(slots)
    }
    print("kills: \(Self.rounds), chains that were found: \(chains.count)")
  }
}
