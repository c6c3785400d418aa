import BPFRuntime

/// The signatures of Linux's helpers, whether or not they can run here: what a program may call is
/// a question of its type, how it has to call it one of the helper.
enum HelperTable {
  /// `bpf_loop`.
  static let loop: Int32 = 181

  static let signatures: [Int32: HelperSignature] = {
    var table: [Int32: HelperSignature] = [:]
    for var signature in all {
      signature.isGPLOnly = gplOnly.contains(signature.number)
      signature.takesPacket = takingPacket.contains(signature.number)
      signature.changesPacket = changingPacket.contains(signature.number)
      signature.acquires = [84, 85, 99, 131].contains(signature.number)
      signature.releases = [86, 132, 133].contains(signature.number)
      signature.maySleep = [148, 191].contains(signature.number)
      table[signature.number] = signature
    }
    return table
  }()

  private static let all = [
    maps, storage, packets, streams, sockets, casts, system, tracing, calls, memory,
  ]
  .joined()

  private static let gplOnly: Set<Int32> = [
    4, 6, 22, 25, 27, 35, 45, 55, 56, 67, 69, 100, 110, 112, 113, 114, 115, 119, 158, 163, 165,
    169, 170, 171, 172, 173, 175, 176, 177, 191, 204, 205, 206, 207,
  ]

  /// What shows addresses or memory of the kernel: Linux keeps these from programs whose owner may
  /// not see such (`CAP_PERFMON`).
  static func needsPointerRights(_ number: Int32, _ type: ProgramType) -> Bool {
    if type.number == 31 {
      // Its own helpers come first in Linux, and only one of them asks for the right.
      if number == 166 { return true }
      if freeInSystemCalls.contains(number) { return false }
    }
    return needingPointerRights.contains(number)
  }

  private static let freeInSystemCalls: Set<Int32> = [4, 45, 136, 137, 138, 139, 140, 178, 196]

  private static let needingPointerRights: Set<Int32> = [
    4, 6, 16, 22, 35, 45, 55, 109, 112, 113, 114, 115, 117, 136, 137, 138, 139, 140, 141, 148, 149,
    158, 165, 175, 176, 177, 178, 180, 191, 196,
  ]

  /// What reads the memory that it fills, so that it has to hold something before.
  static let readingWhatTheyFill: Set<Int32> = [142]

  private static let takingPacket: Set<Int32> = [
    1, 2, 3, 28, 53, 70, 72, 84, 85, 87, 88, 89, 99, 100, 110, 195, 204, 205, 206, 207,
  ]

  private static let changingPacket: Set<Int32> = [
    9, 10, 11, 13, 18, 19, 31, 38, 39, 43, 44, 50, 54, 65, 73, 74, 75, 76, 143, 63, 90, 91,
  ]

  private typealias Signature = HelperSignature
  private typealias Argument = HelperSignature.Argument

  private static let read = Argument.memory(writes: false, orNull: false)
  private static let readOrNull = Argument.memory(writes: false, orNull: true)
  private static let write = Argument.memory(writes: true, orNull: false)
  private static let writeOrNull = Argument.memory(writes: true, orNull: true)
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
      [.context, .anything, .alignedMemory(byteCount: 4, writes: true), .anything, .anything]),
    Signature(188, [.context]),
    Signature(189, [.context, .anything, write, size]),
    Signature(190, [.context, .anything, read, size]),
    Signature(192, [.context, .anything, .anything]),
  ]

  // Streams of sockets, and programs that decide about sockets.
  private static let streams: [HelperSignature] = [
    Signature(49, [.context, .anything, .anything, read, size]),
    Signature(52, [.context, .map, .anything, .anything]),
    Signature(53, [.context, .map, .mapKey, .anything]),
    Signature(57, [.context, .anything, .anything, write, size]),
    Signature(59, [.context, .anything]),
    Signature(60, [.context, .map, .anything, .anything]),
    Signature(61, [.context, .anything]),
    Signature(62, [.context, .anything]),
    Signature(63, [.context, .anything, .anything, .anything]),
    Signature(64, [.context, read, size]),
    Signature(70, [.context, .map, .mapKey, .anything]),
    Signature(71, [.context, .map, .mapKey, .anything]),
    Signature(72, [.context, .map, .mapKey, .anything]),
    Signature(73, [.context, .anything, read, size]),
    Signature(74, [.context, .anything, read, size]),
    Signature(75, [.context, .anything, .anything]),
    Signature(76, [.context, .anything, read, size]),
    Signature(82, [.context, .map, .mapKey, .anything]),
    Signature(90, [.context, .anything, .anything, .anything]),
    Signature(91, [.context, .anything, .anything, .anything]),
    Signature(101, [.context, write, size, .anything]),
    Signature(102, [.context, write, size]),
    Signature(103, [.context, write, size]),
    Signature(104, [.context, read, size]),
    Signature(142, [.context, write, size, .anything]),
    Signature(143, [.context, read, size, .anything]),
    Signature(144, [.context, .anything, .anything]),
    Signature(186, []), Signature(187, [.anything]),
  ]

  private static let anySocket = Argument.socket(.any)
  private static let socketOrObject = Argument.socket(.anyOrObject)

  private static let sockets: [HelperSignature] = [
    Signature(46, [.context]),
    Signature(47, [.context]),
    Signature(84, [.context, read, size, .anything, .anything], .socketOrNull(.full)),
    Signature(85, [.context, read, size, .anything, .anything], .socketOrNull(.full)),
    Signature(86, [socketOrObject]),
    Signature(95, [anySocket], .socketOrNull(.full)),
    Signature(96, [anySocket], .socketOrNull(.tcp)),
    Signature(98, [anySocket], .socketOrNull(.full)),
    Signature(99, [.context, read, size, .anything, .anything], .socketOrNull(.common)),
    Signature(100, [socketOrObject, read, size, read, size]),
    Signature(110, [socketOrObject, read, size, read, size]),
    Signature(122, [.contextOrNull]),
    Signature(124, [.context, socketOrObject, .anything]),
    Signature(128, [socketOrObject]),
    Signature(129, [socketOrObject, .anything]),
  ]

  private static let casts: [HelperSignature] = [
    Signature(136, [socketOrObject], .kernelObjectOrNull(.tcp6Socket)),
    Signature(137, [socketOrObject], .kernelObjectOrNull(.tcpSocket)),
    Signature(138, [socketOrObject], .kernelObjectOrNull(.tcpWaitingSocket)),
    Signature(139, [socketOrObject], .kernelObjectOrNull(.tcpRequestSocket)),
    Signature(140, [socketOrObject], .kernelObjectOrNull(.udp6Socket)),
    Signature(178, [socketOrObject], .kernelObjectOrNull(.unixSocket)),
    Signature(196, [socketOrObject], .kernelObjectOrNull(.multipathSocket)),
  ]

  // Values that belong to a group of tasks, a socket or a task.
  private static let storage: [HelperSignature] = [
    Signature(81, [.map, .anything], .mapValue),
    Signature(107, [.map, socketOrObject, .mapValueOrNull, .anything], .mapValueOrNull),
    Signature(108, [.map, socketOrObject]),
    Signature(156, [.map, .kernelObject(.task), .mapValueOrNull, .anything], .mapValueOrNull),
    Signature(157, [.map, .kernelObject(.task)]),
    Signature(210, [.map, .kernelObject(.cgroup), .mapValueOrNull, .anything], .mapValueOrNull),
    Signature(211, [.map, .kernelObject(.cgroup)]),
  ]

  private static let system: [HelperSignature] = [
    Signature(5, []), Signature(6, [read, size]),
    Signature(7, []), Signature(8, []), Signature(14, []), Signature(15, []),
    Signature(16, [write, size]), Signature(35, []), Signature(42, []), Signature(80, []),
    Signature(105, [read, size, .anything, .alignedMemory(byteCount: 8, writes: true)]),
    Signature(106, [read, size, .anything, .alignedMemory(byteCount: 8, writes: true)]),
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

  private static let tracing: [HelperSignature] = [
    Signature(56, [.context, write, size]),
    Signature(67, [.context, write, sizeOrZero, .anything]),
    Signature(111, [.kernelObject(.socketBuffer), .map, .anything, read, sizeOrZero]),
    Signature(119, [.context, writeOrNull, sizeOrZero, .anything]),
    Signature(121, [.kernelObject(.frame), .map, .anything, read, sizeOrZero]),
    Signature(141, [.kernelObject(.task), write, sizeOrZero, .anything]),
    Signature(147, [.kernelObject(.path), write, sizeOrZero]),
    Signature(148, [write, sizeOrZero, .anything]),
    Signature(149, [write, size, read, size, .anything]),
    Signature(153, [.kernelObject(.perCPUVariable), .anything]),
    Signature(154, [.kernelObject(.perCPUVariable)]),
    Signature(158, [], .kernelObject(.task)),
    Signature(162, [.kernelObject(.file)], .kernelObjectOrNull(.socket)),
    Signature(166, [.anything, read, size]),
    Signature(167, [read, size, .anything, .anything]),
    Signature(168, [.anything]),
    Signature(173, [.context]),
    Signature(174, [.context]),
    Signature(175, [.kernelObject(.task)], .kernelObject(.registers)),
    Signature(176, [write, sizeOrZero, .anything]),
    Signature(179, [read, sizeOrZero, .anything, .alignedMemory(byteCount: 8, writes: true)]),
    Signature(191, [write, sizeOrZero, .anything, .kernelObject(.task), .anything]),
  ]

  private static let calls: [HelperSignature] = [
    Signature(164, [.map, .callback, .callbackData, .anything]),
    Signature(170, [.timer, .callback]),
    Signature(180, [.kernelObject(.task), .anything, .callback, .callbackData, .anything]),
    Signature(181, [.anything, .callback, .callbackData, .anything]),
    Signature(209, [.map, .callback, .callbackData, .anything]),
  ]

  // Timers, dynptrs, pointers in maps, headers for SYN cookies.
  private static let memory: [HelperSignature] = [
    Signature(169, [.timer, .map, .anything]),
    Signature(171, [.timer, .anything, .anything]),
    Signature(172, [.timer]),
    Signature(194, [.objectPlace, .kernelObject(.stored, orNull: true)]),
    Signature(197, [write, sizeOrZero, .anything, .dynptr(.made(.local))]),
    Signature(198, [.map, .anything, .anything, .dynptr(.made(.ringBuffer))]),
    Signature(199, [.dynptr(.released), .anything], .void),
    Signature(200, [.dynptr(.released), .anything], .void),
    Signature(201, [write, sizeOrZero, .dynptr(.used), .anything, .anything]),
    Signature(202, [.dynptr(.used), .anything, read, sizeOrZero, .anything]),
    Signature(203, [.dynptr(.used), .anything, .allocationSize], .dynptrMemoryOrNull),
    Signature(204, [header(20), read, sizeOrZero]),
    Signature(205, [header(40), read, sizeOrZero]),
    Signature(206, [header(20), header(20)]),
    Signature(207, [header(40), header(20)]),
  ]

  private static func header(_ byteCount: Int) -> Argument {
    .fixedMemory(byteCount: byteCount, writes: false)
  }

  /// What differs for a type of program.
  static func adapted(_ signature: HelperSignature, to type: UInt32) -> HelperSignature {
    var signature = signature
    switch (signature.number, type) {
    // Where the context is no socket, a socket is passed.
    // Of a packet that is sent, the class is the packet's; otherwise the current task's.
    case (17, 3), (17, 4), (17, 10), (17, 11), (17, 12), (17, 19): break
    case (17, _): signature.arguments = []
    // Only programs of the kernel's functions have such a frame.
    case (188, 31): signature.arguments = [.kernelObject(.frame)]
    case (46, 21), (46, 31): signature.arguments[0] = .socket(.anyOrObject, orNull: true)
    case (49, 25), (57, 25): signature.arguments[0] = socketOrObject
    case (107, 9): signature.arguments[1] = .context
    case (124, 30): signature.arguments[1] = .socket(.full, orNull: true)
    default: break
    }
    return signature
  }
}

extension ProgramType {
  /// How to call a helper; `nil` if programs of this type may not.
  func signature(of number: Int32) -> HelperSignature? {
    if let known = HelperTable.signatures[number], permits(number) {
      return HelperTable.adapted(known, to: self.number)
    }
    return helpers[number].map(HelperSignature.init)
  }

  /// Whether Linux or the embedder lets programs of this type call it.
  func permits(_ number: Int32) -> Bool {
    helpers[number] != nil || missingHelpers.contains(number)
  }
}
