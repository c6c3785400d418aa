import Foundation
import Testing

/// Servers and clients as processes, which end at any moment.
///
/// More by hand: `SWITCHYARD_KILLS=200 swift test --filter ServerProcessTests`.
@Suite("A server that is killed")
struct ServerProcessTests {
  private static let rounds =
    ProcessInfo.processInfo.environment["SWITCHYARD_KILLS"].flatMap { Int($0) } ?? 5

  /// Exchanges two slots over and over in one transaction each, until client or server is killed;
  /// then reads the slots: from the server if it still lives, and from one that is started again.
  ///
  /// Client and server have a session of their own, so that nothing of them outlives the kill, and
  /// every step has a limit, so that a round that hangs fails.
  private static let script = #"""
    state=$1; object=$2; capture=$3; delay=$4; victim=$5
    export SWITCHYARD_SOCKET=$state.sock
    trap 'kill -9 -$client -$server 2> /dev/null' EXIT
    start() {
      setsid "$0" serve "$@" --program entry -r "$capture" --state "$state" > "$state.log" 2>&1 &
      server=$!
      for i in $(seq 1000); do
        timeout 20 "$0" chain history > /dev/null 2>&1 && return
        kill -0 $server 2> /dev/null || { cat "$state.log" >&2; exit 1; }
        sleep 0.02
      done
      echo 'the server does not start' >&2; exit 1
    }
    slots() {
      timeout 20 "$0" chain show | sed -n "s/^protocols.\(6\|17\). *\([a-z]*\) .*/$1: \2/p"
    }
    rm -f "$state.sock"
    if [ -e "$state/current" ]; then start; else start "$object"; fi
    setsid sh -c 'while :; do
        "$0" chain apply "protocols[6]=udp" "protocols[17]=tcp"
        "$0" chain apply "protocols[6]=tcp" "protocols[17]=udp"
      done' "$0" > /dev/null 2>&1 & client=$!
    sleep "$delay"
    if [ "$victim" = client ]; then kill -9 -$client; slots live; fi
    kill -9 $server; kill -9 -$client 2> /dev/null
    wait 2> /dev/null
    start
    slots restored
    kill $server
    for i in $(seq 500); do kill -0 $server 2> /dev/null || break; sleep 0.02; done
    kill -0 $server 2> /dev/null && { echo 'the server does not end' >&2; exit 1; }
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
    var chains: [[String]: Int] = [:]
    var unfinished = 0
    for round in 0..<Self.rounds {
      let delay = Double.random(in: 0.01...0.6)
      let victim = round.isMultiple(of: 2) ? "server" : "client"
      let run = try ProcessRun(
        shell: Self.script, program: program,
        [state, examples + "/parser.o", examples + "/captures/mixed.pcap", "\(delay)", victim])
      let lines = run.output.split(separator: "\n").map(String.init)
      let place = "round \(round), \(delay) s, \(victim): \(run.output) \(run.errors)"
      for reader in victim == "client" ? ["live", "restored"] : ["restored"] {
        let slots = lines.filter { $0.hasPrefix(reader + ":") }
          .map { String($0.split(separator: " ").last ?? "") }
        #expect(slots == ["tcp", "udp"] || slots == ["udp", "tcp"], "\(reader), \(place)")
        if reader == "restored" { chains[slots, default: 0] += 1 }
      }
      #expect(lines.contains { $0.contains("was current: restored") }, "\(place)")
      if lines.contains(where: { $0.contains("removed") }) { unfinished += 1 }
    }
    print(
      "kills: \(Self.rounds), chains found: \(chains), of them with work to undo: \(unfinished)")
  }
}
