import Foundation
import SwitchyardControl
import TestSupport
import Testing

@Suite("What a server is sent that it should not be")
struct BadInputTests {
  private func post(_ body: String, to world: World) -> ControlError? {
    #expect(throws: ControlError.self) {
      _ = try world.client.send("POST", "/v1/chain/apply", body: Array(body.utf8))
    }
  }

  @Test("a body that does not fit says what is wrong, and where")
  func bodies() throws {
    let world = try World()
    for (body, reason) in [
      ("{", "it is not JSON"), ("", "it is not JSON"), ("{}", "slots is missing"),
      (#"{"slots":[]}"#, "elements is missing"),
      (#"{"slots":[{"array":"protocols","index":"6"}],"elements":[]}"#, "slots[0].index: "),
      (#"{"slots":[{"array":"protocols","index":-1}],"elements":[]}"#, "out of range"),
      (
        #"{"slots":[{"array":"protocols","index":6,"program":{}}],"elements":[]}"#,
        "slots[0].program: one of id, name and pinned has to be there"
      ),
    ] {
      let error = post(body, to: world)
      #expect(error?.code == .usage)
      #expect(error?.message.contains(reason) == true, "\(body): \(error?.message ?? "")")
    }
    #expect(try world.chain().generation == 1)
  }

  @Test(
    "what is no HTTP gets an error document, and the connection ends",
    arguments: [
      "GARBAGE\r\n\r\n", "\u{0}\u{1}\u{2}", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "POST /v1/chain/apply HTTP/1.1\r\ncontent-length: abc\r\n\r\n",
      "POST /v1/chain/apply HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
      "POST /v1/chain/apply HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
      "POST /v1/chain/apply HTTP/1.1\r\ncontent-length: 100\r\n\r\n{",
      "GET /" + String(repeating: "a", count: 200_000) + " HTTP/1.1\r\n\r\n",
    ])
  func noHTTP(text: String) throws {
    let world = try World()
    let answer = try RawSocket.exchange(text, with: world.path)
    #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(answer.prefix(100))")
    #expect(answer.contains("\"schema\":\"switchyard.error/1\""))
    #expect(try world.chain().generation == 1)
  }

  @Test("who has asked and says no more gets the whole answer, however long it is")
  func halfClosed() throws {
    let world = try World()
    let elements = (0..<1000).map { number in
      ChangesDocument.Element(
        map: "flows", key: (0..<40).map { UInt8(truncatingIfNeeded: number >> ($0 * 8 % 64)) },
        value: [UInt8](repeating: 1, count: 24))
    }
    let changes = ChangesDocument(elements: elements)
    let _: PlanDocument = try world.client.request("POST", "/v1/chain/apply", body: changes)
    let keys: ElementsDocument = try world.client.request("GET", "/v1/maps/elements?name=flows")
    #expect(keys.elements.count >= 1000)
    let request = "GET /v1/maps/elements?name=flows HTTP/1.1\r\nconnection: close\r\n\r\n"
    let answer = try RawSocket.exchange(request, with: world.path, waitingBefore: 0.2)
    #expect(answer.utf8.count > 400_000)
    #expect(answer.hasSuffix("\"switchyard.map_elements/1\"}"))
    let three = String(repeating: "GET /v1/chain HTTP/1.1\r\n\r\n", count: 3)
    let answers = try RawSocket.exchange(three, with: world.path)
    #expect(answers.components(separatedBy: "HTTP/1.1 200 OK").count == 4)
  }

  @Test("an answer to HEAD has no body, so that the next answer is where it is looked for")
  func head() throws {
    let world = try World()
    let answers = try RawSocket.exchange(
      "HEAD /v1/chain HTTP/1.1\r\n\r\nGET /v1/chain HTTP/1.1\r\n\r\n", with: world.path)
    let parts = answers.components(separatedBy: "\r\n\r\n")
    #expect(parts.count == 3)
    #expect(parts[1].hasPrefix("HTTP/1.1 200 OK"))
  }

  @Test("a watcher that says no more is still told", .timeLimit(.minutes(20)))
  func halfClosedWatcher() throws {
    let world = try World(packets: true)
    let text = try RawSocket.exchange(
      "GET /v1/watch?interval_ms=10 HTTP/1.1\r\n\r\n", with: world.path, enough: "\"status\"")
    #expect(text.contains("\"event\":\"status\""))
    for bad in ["0", "-5", "x", "3600001", "9223372036854775807"] {
      let error = #expect(throws: ControlError.self) {
        _ = try world.client.send("GET", "/v1/watch?interval_ms=\(bad)")
      }
      #expect(error?.code == .usage)
    }
  }

  @Test("a file that is no socket is not replaced by one")
  func plainFile() throws {
    let world = try World()
    let path = NSTemporaryDirectory() + "sy-plain-\(UUID().uuidString.prefix(8))"
    try "precious".write(toFile: path, atomically: false, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    for place in [path, NSTemporaryDirectory(), ""] {
      let error = #expect(throws: ControlError.self) {
        _ = try ControlServer(world.live, traffic: nil, at: place)
      }
      #expect(error?.code == .usage)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    let error = #expect(throws: ControlError.self) {
      _ = try ControlServer(world.live, traffic: nil, at: "/nonexistent/socket")
    }
    #expect(error?.message.hasSuffix("No such file or directory") == true)
    #expect(error?.message.contains("ControlError") == false)
  }

  @Test("a server that ends leaves a socket that another one has made in its place")
  func successor() throws {
    let world = try World()
    try FileManager.default.removeItem(atPath: world.path)
    let second = try ControlServer(world.live, traffic: nil, at: world.path)
    world.server.stop()
    #expect(try world.chain().generation == 1)
    second.stop()
    #expect(!FileManager.default.fileExists(atPath: world.path))
  }

  @Test("an object is loaded and pinned as one, or neither")
  func loadAndPin() throws {
    let world = try World()
    let object = try World.object()
    for (pin, code) in [("p", ControlError.Code.usage), ("../p", .usage)] {
      let error = #expect(throws: ControlError.self) {
        _ = try world.client.send("POST", "/v1/objects?name=parser&pin=\(pin)", body: object)
      }
      #expect(error?.code == code)
    }
    let filter = try Fixtures.bytes(ofFile: Fixtures.path("../../Examples/filter.o"))
    _ = try world.client.send("POST", "/v1/objects?name=filter&pin=p", body: filter)
    let error = #expect(throws: ControlError.self) {
      _ = try world.client.send("POST", "/v1/objects?name=filter&pin=p", body: filter)
    }
    #expect(error?.code == .conflict)
    let programs: ProgramsDocument = try world.client.request("GET", "/v1/programs")
    #expect(Set(programs.programs.map(\.object)) == [1, 2])
    #expect(programs.programs.filter { $0.pinned == ["p"] }.count == 1)
  }
}
