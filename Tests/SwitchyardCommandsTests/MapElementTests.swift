import TestSupport
import Testing

/// `map lookup`, `update`, `delete` and `getnext`, and maps of maps.
@Suite("Elements of maps")
struct MapElementTests {
  private static let types = Fixtures.path("objects/typed_maps.o")
  private static let values = Fixtures.path("objects/values.o")

  @Test("update writes an element and shows it, lookup reads what is there")
  func elements() throws {
    let update = CommandRun(
      "map", "update", Self.types, "hidden", "key", "1", "0", "0", "0", "value", "7", "0", "0",
      "0", "0", "0", "0", "0", "any", "-j")
    #expect(update.status == 0)
    let document = try update.document
    #expect(document["schema"] as? String == "switchyard.map_element/1")
    #expect(document["key"] as? [String] == ["0x01", "0x00", "0x00", "0x00"])
    let values = try #require(document["values"] as? [[String: Any]])
    #expect(values.first?["cpu"] as? Int == 0)
    #expect((values.first?["value"] as? [String])?.first == "0x07")
    let lookup = CommandRun(
      "map", "lookup", Self.types, "counters", "key", "hex", "06", "0", "0", "0", "-j")
    #expect(lookup.status == 0)
    #expect((try lookup.document["value"] as? [String])?.count == 16)
  }

  @Test("what a map refuses ends with status 1 and Linux's error")
  func refusals() {
    for (arguments, message) in [
      (["lookup", Self.types, "counters", "key", "7", "0", "0", "0"], "ENOENT (2)"),
      (["delete", Self.types, "counters", "key", "1", "0", "0", "0"], "EINVAL (22)"),
      (["getnext", Self.types, "flows"], "ENOENT (2)"),
    ] {
      let run = CommandRun(["map"] + arguments)
      #expect(run.status == 1, "\(arguments)")
      #expect(run.errors.contains(message), "\(arguments)")
    }
    #expect(CommandRun("map", "lookup", Self.types, "counters", "key", "256").status == 64)
    #expect(CommandRun("map", "lookup", Self.types, "counters", "7").status == 64)
  }

  @Test("getnext gives the key that follows")
  func next() throws {
    let run = CommandRun(
      "map", "getnext", Self.types, "counters", "key", "0", "0", "0", "0", "-j")
    #expect(try run.document["next_key"] as? [String] == ["0x01", "0x00", "0x00", "0x00"])
  }

  @Test("a map of maps shows which maps are inside")
  func mapsOfMaps() throws {
    let run = CommandRun("map", "dump", Self.values, "outer", "-j")
    #expect(run.status == 0)
    let maps = try #require(try run.document["maps"] as? [String: [[String: Any]]])
    let inner = maps["outer"]?.map { $0["inner_map"] as? String }
    #expect(inner == ["inner_b", "inner_a"])
  }
}
