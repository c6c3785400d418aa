import BPFRuntime
import TestSupport
import Testing

@Suite("Maps from both sides")
struct MapScriptTests {
  @Test("operations give what Linux gives", arguments: MapScript.all)
  func scripts(script: MapScript) throws {
    let map = try RuntimeMap(script.shape)
    for (number, step) in script.steps.enumerated() {
      let outcome = try map.perform(step.operation)
      #expect(outcome == step.outcome, "step \(number): \(step.operation)")
    }
  }

  @Test("sizes and flags that a kind does not take are refused")
  func creation() {
    for (shape, errno) in MapScript.creations + MapScript.furtherCreations {
      var error: Int32?
      do throws(LinuxError) {
        _ = try Runtime(possibleCPUs: 2).makeMap(MapDefinition(shape))
      } catch let caught {
        error = caught.rawValue
      }
      #expect(error == errno, "\(shape)")
    }
  }

  @Test("map_extra and kinds that do not exist are refused")
  func unknown() {
    var definition = MapDefinition(MapShape(2))
    definition.extra = 1
    #expect(throws: LinuxError.invalid) { try Runtime().makeMap(definition) }
    #expect(throws: LinuxError.notSupported) { try Runtime().makeMap(MapDefinition(MapShape(99))) }
  }

  @Test(
    "random operations agree with a model",
    arguments: [
      MapShape(2, value: 12, entries: 7), MapShape(1, entries: 8),
      MapShape(1, key: 9, value: 3, entries: 5), MapShape(1, key: 16, value: 40, entries: 60),
    ], [1, 2, 3])
  func model(shape: MapShape, seed: UInt64) throws {
    let map = try RuntimeMap(shape)
    let model = MapModel(shape)
    for operation in RandomMapOperations(seed: seed, shape: shape).prefix(3000) {
      let outcome = try map.perform(operation)
      let expected = model.perform(operation)
      try #require(outcome == expected, "\(operation)")
    }
  }

  @Test("rights given at creation hold on both sides")
  func rights() throws {
    let readOnly = try RuntimeMap(MapShape(2, flags: 8))
    #expect(try readOnly.perform(.update(bytes(UInt32(0)), bytes(UInt64(1)))) == .errno(1))
    #expect(try readOnly.perform(.programUpdate(bytes(UInt32(0)), bytes(UInt64(1)))) == .done)
    #expect(try readOnly.perform(.lookup(bytes(UInt32(0)))) == .bytes(bytes(UInt64(1))))
    let writeOnly = try RuntimeMap(MapShape(1, flags: 16))
    #expect(try writeOnly.perform(.update(bytes(UInt32(0)), bytes(UInt64(1)))) == .done)
    #expect(try writeOnly.perform(.lookup(bytes(UInt32(0)))) == .errno(1))
    #expect(try writeOnly.perform(.next(nil)) == .errno(1))
    #expect(try writeOnly.perform(.take(bytes(UInt32(0)))) == .errno(1))
    let programsRead = try RuntimeMap(MapShape(1, flags: 128))
    #expect(
      try programsRead.perform(.programUpdate(bytes(UInt32(0)), bytes(UInt64(1)))) == .errno(1))
    #expect(try programsRead.perform(.programDelete(bytes(UInt32(0)))) == .errno(1))
    #expect(try programsRead.perform(.update(bytes(UInt32(0)), bytes(UInt64(1)))) == .done)
    try programsRead.handle.freeze()
    #expect(try programsRead.perform(.delete(bytes(UInt32(0)))) == .errno(1))
    #expect(throws: LinuxError.notPermitted) { try programsRead.handle.freeze() }
  }
}
