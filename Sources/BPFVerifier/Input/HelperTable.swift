import BPFRuntime

/// The signatures of Linux's helpers, whether or not they can run here: what a program may call is
/// a question of its type, how it has to call it one of the helper.
enum HelperTable {
  /// `bpf_loop`.
  static let loop: Int32 = 181

  static let signatures: [Int32: HelperSignature] = {
    var table: [Int32: HelperSignature] = [:]
    for var signature in maps + packets + sockets + system + calls {
      signature.isGPLOnly = gplOnly.contains(signature.number)
      signature.takesPacket = takingPacket.contains(signature.number)
      signature.changesPacket = changingPacket.contains(signature.number)
      signature.acquires = [84, 85, 99, 131].contains(signature.number)
      signature.releases = [86, 132, 133].contains(signature.number)
      table[signature.number] = signature
    }
    return table
  }()

  private static let gplOnly: Set<Int32> = [
    4, 6, 22, 25, 27, 35, 45, 55, 56, 67, 69, 100, 110, 112, 113, 114, 115, 119, 158, 163, 165,
    169, 170, 171, 172, 173, 175, 176, 177, 191, 204, 205, 206, 207,
  ]

  private static let takingPacket: Set<Int32> = [1, 2, 3, 28, 84, 85, 87, 88, 89, 99, 100, 110]

  private static let changingPacket: Set<Int32> = [
    9, 10, 11, 13, 18, 19, 31, 38, 39, 43, 44, 50, 54, 65, 73, 74, 75, 76, 143, 63, 90, 91,
  ]

  private typealias Signature = HelperSignature
  private typealias Argument = HelperSignature.Argument

  private static let read = Argument.memory(writes: false, orNull: false)
  private static let readOrNull = Argument.memory(writes: false, orNull: true)
  private static let write = Argument.memory(writes: true, orNull: false)
  private static let size = Argument.size(allowsZero: false)
  private static let sizeOrZero = Argument.size(allowsZero: true)

  private static let maps: [HelperSignature] = [
    Signature(1, [.map, .mapKey], .mapValueOrNull),
    Signature(2, [.map, .mapKey, .mapValue, .anything]),
    Signature(3, [.map, .mapKey]),
    Signature(12, [.context, .map, .anything], .void),
    Signature(22, [.map, .anything]),
    Signature(25, [.context, .map, .anything, read, sizeOrZero]),
    Signature(27, [.context, .map, .anything]),
    Signature(33, [.context, .map, .anything]),
    Signature(37, [.map, .anything]),
    Signature(51, [.map, .anything, .anything]),
    Signature(55, [.map, .anything, write, size]),
    Signature(87, [.map, .mapValue, .anything]),
    Signature(88, [.map, .newMapValue]),
    Signature(89, [.map, .newMapValue]),
    Signature(93, [.lock], .void),
    Signature(94, [.lock], .void),
    Signature(130, [.map, read, sizeOrZero, .anything]),
    Signature(131, [.map, .allocationSize, .anything], .memoryOrNull),
    Signature(132, [.reservation, .anything], .void),
    Signature(133, [.reservation, .anything], .void),
    Signature(134, [.map, .anything]),
    Signature(195, [.map, .mapKey, .anything], .mapValueOrNull),
  ]

  private static let packets: [HelperSignature] = [
    Signature(9, [.context, .anything, read, size, .anything]),
    Signature(10, [.context, .anything, .anything, .anything, .anything]),
    Signature(11, [.context, .anything, .anything, .anything, .anything]),
    Signature(13, [.context, .anything, .anything]),
    Signature(17, [.context]),
    Signature(18, [.context, .anything, .anything]),
    Signature(19, [.context]),
    Signature(20, [.context, write, size, .anything]),
    Signature(21, [.context, read, size, .anything]),
    Signature(23, [.anything, .anything]),
    Signature(24, [.context]),
    Signature(26, [.context, .anything, write, size]),
    Signature(28, [readOrNull, sizeOrZero, readOrNull, sizeOrZero, .anything]),
    Signature(29, [.context, write, size]),
    Signature(30, [.context, read, size]),
    Signature(31, [.context, .anything, .anything]),
    Signature(32, [.context, .anything]),
    Signature(34, [.context]),
    Signature(38, [.context, .anything, .anything]),
    Signature(39, [.context, .anything]),
    Signature(40, [.context, .anything]),
    Signature(41, [.context]),
    Signature(43, [.context, .anything, .anything]),
    Signature(44, [.context, .anything]),
    Signature(48, [.context, .anything]),
    Signature(50, [.context, .anything, .anything, .anything]),
    Signature(54, [.context, .anything]),
    Signature(65, [.context, .anything]),
    Signature(66, [.context, .anything, write, size, .anything]),
    Signature(68, [.context, .anything, write, size, .anything]),
    Signature(69, [.context, write, size, .anything]),
    Signature(79, [.context]),
    Signature(83, [.context, .anything]),
    Signature(97, [.context]),
    Signature(135, [.context, .anything]),
    Signature(151, [.context]),
    Signature(152, [.anything, readOrNull, sizeOrZero, .anything]),
    Signature(155, [.anything, .anything]),
    Signature(
      163,
      [.context, .anything, .fixedMemory(byteCount: 4, writes: true), .anything, .anything]),
    Signature(188, [.context]),
    Signature(189, [.context, .anything, write, size]),
    Signature(190, [.context, .anything, read, size]),
    Signature(192, [.context, .anything, .anything]),
  ]

  private static let sockets: [HelperSignature] = [
    Signature(46, [.context]),
    Signature(47, [.context]),
    Signature(84, [.context, read, size, .anything, .anything], .socketOrNull(.full)),
    Signature(85, [.context, read, size, .anything, .anything], .socketOrNull(.full)),
    Signature(86, [.socket], .scalar),
    Signature(95, [.socket], .socketOrNull(.full)),
    Signature(96, [.socket], .socketOrNull(.tcp)),
    Signature(98, [.socket], .socketOrNull(.full)),
    Signature(99, [.context, read, size, .anything, .anything], .socketOrNull(.common)),
    Signature(100, [.socket, read, size, read, size]),
    Signature(110, [.socket, read, size, read, size]),
    Signature(122, [.context]),
    Signature(124, [.context, .socket, .anything]),
  ]

  private static let system: [HelperSignature] = [
    Signature(5, []), Signature(6, [read, size]),
    Signature(7, []), Signature(8, []), Signature(14, []), Signature(15, []),
    Signature(16, [write, size]), Signature(35, []), Signature(42, []), Signature(80, []),
    Signature(105, [read, size, .anything, .fixedMemory(byteCount: 8, writes: true)]),
    Signature(106, [read, size, .anything, .fixedMemory(byteCount: 8, writes: true)]),
    Signature(109, [.anything]), Signature(117, [.anything]), Signature(118, []),
    Signature(112, [write, sizeOrZero, .anything]),
    Signature(113, [write, sizeOrZero, .anything]),
    Signature(114, [write, sizeOrZero, .anything]),
    Signature(115, [write, sizeOrZero, .anything]),
    Signature(120, [.anything, .anything, write, size]), Signature(123, [.anything]),
    Signature(125, []), Signature(160, []), Signature(208, []),
    Signature(
      165,
      [.memory(writes: true, orNull: true), sizeOrZero, .constantText, readOrNull, sizeOrZero]),
    Signature(177, [read, size, readOrNull, sizeOrZero]),
    Signature(182, [read, size, .constantText]),
    Signature(4, [write, sizeOrZero, .anything]), Signature(45, [write, sizeOrZero, .anything]),
  ]

  private static let calls: [HelperSignature] = [
    Signature(164, [.map, .callback, .callbackData, .anything]),
    Signature(181, [.anything, .callback, .callbackData, .anything]),
  ]
}

extension ProgramType {
  /// How to call a helper; `nil` if programs of this type may not.
  func signature(of number: Int32) -> HelperSignature? {
    if let known = HelperTable.signatures[number], permits(number) { return known }
    return helpers[number].map(HelperSignature.init)
  }

  /// Whether Linux or the embedder lets programs of this type call it.
  func permits(_ number: Int32) -> Bool {
    helpers[number] != nil || missingHelpers.contains(number)
  }
}
