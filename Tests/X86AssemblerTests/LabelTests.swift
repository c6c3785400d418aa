import Testing
import X86Assembler

@Suite struct LabelTests {
  @Test func jumpsReachLabelsInBothDirections() throws {
    var encoder = Encoder()
    let start = encoder.makeLabel()
    let end = encoder.makeLabel()
    encoder.bind(start)
    encoder.jump(end, isShort: true)
    encoder.jump(if: .equal, end)
    encoder.jump(start)
    encoder.call(start)
    encoder.loadAddress(.r9, of: end)
    encoder.jump(if: .less, start, isShort: true)
    encoder.bind(end)
    #expect(encoder.position(of: end) == 27)
    let expected: [UInt8] = [
      0xeb, 25, 0x0f, 0x84, 19, 0, 0, 0, 0xe9, 0xf3, 0xff, 0xff, 0xff, 0xe8, 0xee, 0xff, 0xff,
      0xff, 0x4c, 0x8d, 0x0d, 2, 0, 0, 0, 0x7c, 0xe5,
    ]
    #expect(try encoder.finish(at: 0x1000) == expected)
  }

  @Test func distantTargetsAreRelativeToThePlace() throws {
    var encoder = Encoder()
    encoder.call(address: 0x5000)
    encoder.jump(toAddress: 0x1000)
    #expect(
      try encoder.finish(at: 0x1000) == [0xe8, 0xfb, 0x3f, 0, 0, 0xe9, 0xf6, 0xff, 0xff, 0xff])
  }

  @Test func whatDoesNotReachIsAnError() {
    #expect(throws: Encoder.PlacementError.jumpOutOfRange) {
      var encoder = Encoder()
      let label = encoder.makeLabel()
      encoder.jump(label, isShort: true)
      for _ in 0..<128 { encoder.breakpoint() }
      encoder.bind(label)
      _ = try encoder.finish(at: 0)
    }
    #expect(throws: Encoder.PlacementError.targetOutOfRange) {
      var encoder = Encoder()
      encoder.call(address: 1 << 40)
      _ = try encoder.finish(at: 0)
    }
  }
}
