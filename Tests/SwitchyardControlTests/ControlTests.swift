import Foundation
import Switchyard
import SwitchyardControl
import TestSupport
import Testing

@Suite("A live chain under control")
struct ControlTests {
  @Test("the chain is shown as it is")
  func show() throws {
    let world = try World()
    let chain: ChainDocument = try world.client.request("GET", "/v1/chain")
    #expect(chain.generation == 1)
    #expect(chain.entry.name == "entry")
    #expect(chain.program("protocols", 6) == "tcp")
    #expect(chain.program("protocols", 17) == "udp")
  }

  @Test("changes are planned, applied as one generation, and rolled back")
  func applyAndRollBack() throws {
    let world = try World()
    let changes = ChangesDocument(
      slots: [
        .init(array: "protocols", index: 6, program: .name("udp")),
        .init(array: "protocols", index: 17, program: nil),
      ], note: "strict")
    let plan: PlanDocument = try world.client.request("POST", "/v1/chain/plan", body: changes)
    #expect(plan.generation == nil)
    #expect(plan.steps.map(\.place) == ["protocols[6]", "protocols[17]"])
    #expect(try world.chain().generation == 1)

    let applied: PlanDocument = try world.client.request("POST", "/v1/chain/apply", body: changes)
    #expect(applied.generation == 2)
    #expect(try world.chain().program("protocols", 6) == "udp")
    #expect(try world.chain().program("protocols", 17) == nil)

    let back: PlanDocument = try world.client.request("POST", "/v1/chain/rollback")
    #expect(back.generation == 3)
    #expect(try world.chain().program("protocols", 6) == "tcp")
    #expect(try world.chain().program("protocols", 17) == "udp")
    let history: HistoryDocument = try world.client.request("GET", "/v1/chain/history")
    #expect(history.generations.map(\.generation) == [3, 2, 1])
    #expect(history.generations.map(\.note) == ["back to generation 1", "strict", "start"])
  }

  @Test("a slot that was changed since the base is a conflict that names it; others are not")
  func conflict() throws {
    let world = try World()
    try world.apply("protocols", 6, "udp")
    let other = ChangesDocument(
      base: 1, slots: [.init(array: "protocols", index: 17, program: .name("tcp"))])
    let applied: PlanDocument = try world.client.request("POST", "/v1/chain/apply", body: other)
    #expect(applied.generation == 3)
    let same = ChangesDocument(
      base: 1, slots: [.init(array: "protocols", index: 6, program: .name("icmp"))])
    let error = #expect(throws: ControlError.self) {
      let _: PlanDocument = try world.client.request("POST", "/v1/chain/apply", body: same)
    }
    #expect(error?.code == .conflict)
    #expect(error?.message.contains("protocols[6]") == true)
    #expect(try world.chain().generation == 3)
  }

  @Test("one wrong change among several changes nothing")
  func allOrNothing() throws {
    let world = try World()
    let changes = ChangesDocument(slots: [
      .init(array: "protocols", index: 6, program: .name("udp")),
      .init(array: "protocols", index: 100_000, program: .name("udp")),
    ])
    #expect(throws: ControlError.self) {
      let _: PlanDocument = try world.client.request("POST", "/v1/chain/apply", body: changes)
    }
    #expect(try world.chain().program("protocols", 6) == "tcp")
    #expect(try world.chain().generation == 1)
  }

  @Test("a second build of the object takes the place of the first, with its maps")
  func load() throws {
    let world = try World()
    let loaded: ProgramsDocument = try world.client.request(
      "POST", "/v1/objects?name=parser", sending: try World.object())
    let tcp = try #require(loaded.programs.first { $0.name == "tcp" })
    #expect(tcp.object == 2)
    let maps: MapsDocument = try world.client.request("GET", "/v1/maps")
    #expect(maps.maps.count { $0.name == "flows" } == 1)
    let changes = ChangesDocument(
      slots: [.init(array: "protocols", index: 6, program: .id(tcp.id))])
    let _: PlanDocument = try world.client.request("POST", "/v1/chain/apply", body: changes)
    let slot = try world.chain().arrays.first { $0.name == "protocols" }?
      .slots.first { $0.index == 6 }
    #expect(slot?.program.id == tcp.id)
    #expect(slot?.program.object == 2)
    let error = #expect(throws: ControlError.self) {
      _ = try world.client.send("DELETE", "/v1/objects?number=2")
    }
    #expect(error?.code == .conflict)
  }

  @Test("elements are read, written and refused as in Linux")
  func elements() throws {
    let world = try World()
    let map = "/v1/maps/elements?name=unknown"
    let change = ElementChangeDocument(
      key: ByteList([9, 9, 9, 9]), value: ByteList([1, 2, 3, 4, 5, 6, 7, 8]))
    _ = try world.client.request("PUT", map, body: change) as EmptyDocument
    let read: ElementsDocument = try world.client.request("GET", map + "&key=09090909")
    #expect(read.elements.map(\.value) == [ByteList([1, 2, 3, 4, 5, 6, 7, 8])])
    var again = change
    again.flags = "noexist"
    #expect(throws: ControlError.self) {
      _ = try world.client.request("PUT", map, body: again) as EmptyDocument
    }
    _ = try world.client.send("DELETE", map + "&key=09090909")
    let error = #expect(throws: ControlError.self) {
      _ = try world.client.send("GET", map + "&key=09090909")
    }
    #expect(error?.code == .noElement)
  }

  @Test("a slot is filled by the path of a pinned program")
  func pins() throws {
    let world = try World()
    _ = try world.client.send("PUT", "/v1/pins/programs?name=udp&path=udp_parser")
    let change = ElementChangeDocument(
      key: ByteList([6, 0, 0, 0]), program: .pinned("udp_parser"))
    _ =
      try world.client.request("PUT", "/v1/maps/elements?name=protocols", body: change)
      as EmptyDocument
    #expect(try world.chain().program("protocols", 6) == "udp")
    let taken = #expect(throws: ControlError.self) {
      _ = try world.client.send("PUT", "/v1/pins/programs?name=tcp&path=udp_parser")
    }
    #expect(taken?.code == .conflict)
    for bad in ["../x", "", ".x", "a%2Fb", "x.new"] {
      #expect(throws: ControlError.self) {
        _ = try world.client.send("PUT", "/v1/pins/programs?name=tcp&path=\(bad)")
      }
    }
  }

  @Test(
    "requests that make no sense are refused, and the server goes on",
    arguments: [
      ("GET", "/v1/nothing", 404), ("POST", "/v1/chain/apply", 400), ("GET", "/", 404),
      ("GET", "/v1/programs?id=x", 400), ("GET", "/v1/programs?id=1&name=tcp", 400),
      ("GET", "/v1/programs?name=nobody", 404), ("GET", "/v1/maps/elements", 400),
      ("GET", "/v1/maps/elements?name=flows&key=0", 400),
      ("POST", "/v1/chain/rollback?generation=99", 404), ("POST", "/v1/objects", 422),
    ])
  func nonsense(method: String, path: String, status: Int) throws {
    let world = try World()
    let error = #expect(throws: ControlError.self) {
      _ = try world.client.send(method, path, body: [0x7b])
    }
    let codes: [Int: ControlError.Code] = [404: .notFound, 400: .usage, 422: .cannotLink]
    #expect(error?.code == codes[status])
    #expect(try world.chain().generation == 1)
  }

  @Test("half a request changes nothing")
  func halfRequest() throws {
    let world = try World()
    let body = #"{"slots": [{"array": "protocols", "index": 6, "program": {"name": "udp"}}],"#
    let text =
      "POST /v1/chain/apply HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n" + body
    try RawSocket.send(text, to: world.path)
    #expect(try world.chain().generation == 1)
  }

  @Test("the socket belongs to its owner alone, and is gone at the end")
  func socket() throws {
    let world = try World()
    let attributes = try FileManager.default.attributesOfItem(atPath: world.path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let error = #expect(throws: ControlError.self) {
      _ = try ControlServer(world.live, traffic: nil, at: world.path)
    }
    #expect(error?.code == .unavailable)
    world.server.stop()
    #expect(!FileManager.default.fileExists(atPath: world.path))
  }

  @Test("packets go on while the chain changes, and what misses is told with its line")
  func watch() throws {
    let world = try World(packets: true)
    try world.apply("protocols", 6, nil)
    let events = Collected()
    try world.client.watch(everyMilliseconds: 50) { events.take($0) }
    let miss = try #require(events.all.first { $0.slot == "protocols[6]" })
    #expect(miss.reason == "empty")
    #expect(miss.line?.contains(".c:") == true || miss.line?.contains(".h:") == true)
    #expect(events.all.contains { $0.event == "status" && ($0.packets ?? 0) > 0 })
  }
}

/// Events of a watcher, until all that the test waits for has come.
private final class Collected: @unchecked Sendable {
  // Unchecked: events come one after the other while the test waits for them.
  private(set) var all: [EventDocument] = []

  func take(_ event: EventDocument) -> Bool {
    all.append(event)
    let isDone =
      all.contains { $0.slot == "protocols[6]" }
      && all.contains { $0.event == "status" && ($0.packets ?? 0) > 0 }
    return !isDone && all.count < 2000
  }
}
