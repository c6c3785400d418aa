/// Makes large programs in the style of real datapaths: thousands of instructions with many
/// branches, which every verifier has to take without walking every path.
struct DatapathGenerator {
  /// What a program is like.
  enum Style: String, CaseIterable {
    /// VLAN tags, IPv4 options, IPv6 extension headers, ports; every header tested.
    case parser
    /// A long list of rules over fields that wait on the stack.
    case accessList
    /// Flows in a hash, made where they are missing, and headers rewritten.
    case translation
    /// Sums over blocks, folded.
    case checksum
    /// States in a map's value, with transitions by what the packet says.
    case stateMachine
    /// Many functions with addresses as arguments, which call each other.
    case functions
    /// More values than registers, with bounds that are used later.
    case spilledState
    /// Loops over options of variable length.
    case options
  }

  var random: ProgramGenerator.Numbers
  var lines: [String] = []
  var functions: [String] = []
  private var labels = 0

  /// The maps that programs use: a hash of flows, counters and a state.
  static let maps = ["flows", "counters", "state"]

  private init(seed: UInt64) {
    random = ProgramGenerator.Numbers(state: seed)
  }

  /// A program for XDP with at least as many instructions as are asked for, and not many more.
  static func program(_ style: Style, instructionCount: Int, seed: UInt64 = 1) -> String {
    var generator = DatapathGenerator(seed: seed)
    generator.begin()
    var section = 0
    while generator.instructionCount < instructionCount {
      generator.add(style, section)
      section += 1
    }
    generator.lines += ["r0 = r9", "r0 &= 3", "exit"]
    return (generator.lines + generator.functions).joined(separator: "\n")
  }

  /// Wide instructions are few: they may be counted once.
  private var instructionCount: Int { lines.count + functionInstructions }
  private var functionInstructions = 0

  /// Loads the packet's addresses, and fields that wait on the stack.
  private mutating func begin() {
    lines = [
      "r6 = r1", "r7 = *(u32 *)(r1 +0)", "r8 = *(u32 *)(r1 +4)", "r9 = 0", "r2 = r7", "r2 += 64",
      "if r2 <= r8 goto fits", "r0 = 1", "exit", "fits: r1 = *(u32 *)(r7 +26)",
      "*(u64 *)(r10 -8) = r1", "r1 = *(u32 *)(r7 +30)", "*(u64 *)(r10 -16) = r1",
      "r1 = *(u16 *)(r7 +36)", "*(u64 *)(r10 -24) = r1", "r1 = *(u8 *)(r7 +23)",
      "*(u64 *)(r10 -32) = r1", "*(u32 *)(r10 -40) = 0", "r2 = r10", "r2 += -40",
      "r1 = map[state]", "call map_lookup_elem", "if r0 != 0 goto found", "exit",
      "found: *(u64 *)(r10 -48) = r0",
    ]
    for slot in 0..<12 {
      lines += ["r1 = *(u8 *)(r7 +\(slot + 40))", "*(u64 *)(r10 -\(120 + slot * 8)) = r1"]
    }
  }

  private mutating func add(_ style: Style, _ section: Int) {
    switch style {
    case .parser: parse()
    case .accessList: rule(section)
    case .translation: translate()
    case .checksum: sum(section)
    case .stateMachine: transition()
    case .functions: function(section)
    case .spilledState: spilled()
    case .options: walkOptions()
    }
  }

  mutating func label() -> String {
    labels += 1
    return "l\(labels)"
  }

  mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: elements.indices, using: &random)]
  }

  /// Whether bytes behind an address are in the packet; leaves the address behind them in r2.
  mutating func bounds(_ register: String, _ byteCount: Int, else end: String) {
    lines += ["r2 = \(register)", "r2 += \(byteCount)", "if r2 > r8 goto \(end)"]
  }

  /// Adds a function; its first line has the label.
  mutating func addFunction(_ body: [String]) {
    functions += body
    functionInstructions += body.count
  }
}
