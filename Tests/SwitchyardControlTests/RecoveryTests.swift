import Foundation
import Switchyard
import SwitchyardControl
import Testing

@Suite("What a server finds when it starts")
struct RecoveryTests {
  private let state = NSTemporaryDirectory() + "sy-state-\(UUID().uuidString.prefix(8))"

  private func restart() throws -> LiveRuntime {
    try LiveRuntime(
      runtime: Runtime(), object: nil, program: nil,
      options: LiveRuntime.Options(statePath: state))
  }

  private func write(_ text: String, to name: String) throws {
    try text.write(toFile: state + "/" + name, atomically: false, encoding: .utf8)
  }

  @Test("the last generation, its history and its pins")
  func goesOn() throws {
    do {
      let world = try World(state: state)
      try world.apply("protocols", 6, "udp")
      _ = try world.client.send("PUT", "/v1/pins/programs?name=tcp&path=good")
    }
    defer { try? FileManager.default.removeItem(atPath: state) }
    let live = try restart()
    #expect(try live.chain().generation == 2)
    #expect(try live.chain().program("protocols", 6) == "udp")
    #expect(try live.pins().pins.map(\.path) == ["good"])
    let back = try live.rollBack(to: 1)
    #expect(back.generation == 3)
    #expect(try live.chain().program("protocols", 6) == "tcp")
  }

  @Test("a generation that was prepared but never published is removed, and it says so")
  func prepared() throws {
    do { _ = try World(state: state) }
    defer { try? FileManager.default.removeItem(atPath: state) }
    try write("{}", to: "generations/2.json")
    try write("{\"half\":", to: "generations/3.json.new")
    try write("2", to: "current.new")
    let live = try restart()
    #expect(try live.chain().generation == 1)
    let found = live.status(nil).found.joined(separator: "\n")
    #expect(found.contains("generation 2 was prepared but never published"))
    #expect(found.contains("3.json.new was being written"))
    #expect(found.contains("current.new was being written"))
    #expect(!FileManager.default.fileExists(atPath: state + "/generations/2.json"))
  }

  @Test("an object that nothing used is removed, and it says so")
  func unused() throws {
    do {
      let world = try World(state: state)
      let _: ProgramsDocument = try world.client.request(
        "POST", "/v1/objects?name=parser", sending: try World.object())
    }
    defer { try? FileManager.default.removeItem(atPath: state) }
    let live = try restart()
    #expect(live.status(nil).found.contains { $0.contains("object 2 was loaded, but nothing") })
    #expect(!FileManager.default.fileExists(atPath: state + "/objects/2.o"))
  }

  @Test(
    "what is damaged is named, and nothing is started on it",
    arguments: ["generations/1.json", "objects/1.json", "objects/1.o"])
  func damaged(file: String) throws {
    do { _ = try World(state: state) }
    defer { try? FileManager.default.removeItem(atPath: state) }
    try write("nonsense", to: file)
    #expect(throws: ControlError.self) { _ = try restart() }
  }

  @Test(
    "without the number of the current generation nothing is removed", arguments: ["x", "", nil])
  func damagedNumber(text: String?) throws {
    do {
      let world = try World(state: state)
      try world.apply("protocols", 6, "udp")
    }
    defer { try? FileManager.default.removeItem(atPath: state) }
    if let text {
      try write(text, to: "current")
    } else {
      try FileManager.default.removeItem(atPath: state + "/current")
    }
    let error = #expect(throws: ControlError.self) { _ = try restart() }
    #expect(error?.message.contains("one of 1, 2") == true, "\(error?.message ?? "")")
    try write("2", to: "current")
    #expect(try restart().chain().program("protocols", 6) == "udp")
  }

  @Test("two servers do not share a directory")
  func shared() throws {
    let world = try World(state: state)
    defer { try? FileManager.default.removeItem(atPath: state) }
    let error = #expect(throws: ControlError.self) { _ = try restart() }
    #expect(error?.code == .unavailable)
    _ = try world.chain()
  }
}
