/// Which helpers Linux 6.18 allows for a type of program, by number, for programs under a
/// GPL-compatible licence; measured by loading a program with each of them.
enum AllowedHelpers {
  /// What socket filters may call.
  static let socketFilter = numbers(type: 1, attachType: 0)
  /// What classifiers and actions of traffic control may call.
  static let trafficControl = numbers(type: 3, attachType: 0)
  /// What XDP programs may call.
  static let xdp = numbers(type: 6, attachType: 0)

  /// What programs of a type may call, by Linux's numbers.
  static func numbers(type: UInt32, attachType: UInt32) -> Set<Int32> {
    guard let own = byType[type] else { return [] }
    return Set((common + own + more(type: type, attachType: attachType)).joined())
  }

  /// What some attach types of a type may call in addition.
  private static func more(type: UInt32, attachType: UInt32) -> [ClosedRange<Int32>] {
    switch (type, attachType) {
    // Who connects may bind; who is told of an address that is there may set no result.
    case (18, 10), (18, 11): [64...64, 186...187]
    case (18, 8), (18, 9), (18, 14), (18, 15), (18, 49), (18, 50): [186...187]
    // Loaded for no attach type, a device's program is taken for one of packets that come in.
    case (15, 6): [186...187]
    case (25, 22): [49...49, 57...57]
    default: []
    }
  }

  /// The helpers that programs of all types may call.
  private static let common: [ClosedRange<Int32>] = [
    1...3, 5...8, 12...12, 14...17, 22...22, 35...35, 37...37, 42...42, 55...55, 80...80, 87...89,
    93...94, 105...106, 109...109, 112...115, 117...118, 120...120, 123...123, 125...125,
    130...134, 141...141, 148...149, 153...154, 156...158, 164...165, 169...172, 175...177,
    180...182, 191...191, 194...195, 197...203, 208...211,
  ]

  // What programs may call that see a packet or a socket: casts of sockets, and the coarse clock.
  private static let network: [ClosedRange<Int32>] = [
    136...140, 160...160, 178...178, 196...196,
  ]

  private static let tracing: [ClosedRange<Int32>] = [
    4...4, 25...25, 27...27, 45...45, 67...67, 173...174,
  ]

  private static let byType: [UInt32: [ClosedRange<Int32>]] = [
    1: network + [25...26, 46...47, 68...68, 122...122],
    2: tracing,
    3: classifier,
    4: classifier,
    5: tracing,
    6: network + [
      23...23, 25...25, 28...28, 44...44, 51...51, 54...54, 65...65, 69...69, 84...86, 99...100,
      110...110, 163...163, 188...190, 204...207,
    ],
    7: tracing + [56...56, 119...119],
    8: network + [
      25...26, 46...47, 68...68, 79...79, 81...81, 83...86, 95...99, 107...108, 122...122,
      128...129,
    ],
    9: [25...25, 46...46, 81...81, 107...107, 122...122, 160...160, 186...187],
    10: network + [24...26, 28...28, 33...34, 39...39, 73...73],
    11: network + [24...26, 28...28, 33...34, 39...39],
    12: network + [
      9...11, 13...13, 20...21, 23...26, 28...30, 33...34, 38...41, 43...43, 73...73, 135...135,
    ],
    13: network + [
      25...25, 46...46, 49...49, 53...53, 57...57, 59...59, 70...70, 81...81, 96...96, 107...108,
      122...122, 142...144,
    ],
    14: network + [
      9...9, 25...26, 38...39, 43...43, 46...47, 50...50, 52...52, 72...72, 84...86, 99...99,
    ],
    15: [25...25, 81...81],
    16: network + [25...25, 60...63, 71...71, 90...91, 107...108, 122...122],
    17: tracing,
    18: network + [
      25...25, 46...46, 49...49, 57...57, 81...81, 84...86, 99...99, 107...108, 122...122,
    ],
    19: network + [24...26, 28...28, 33...34, 39...39, 74...76],
    21: [26...26, 46...46, 68...68, 82...82, 160...160],
    22: network + [26...26],
    23: [25...25, 81...81, 101...104, 160...160, 186...187],
    24: tracing,
    25: [25...25, 81...81, 96...96, 107...108, 122...122, 186...187],
    30: network + [25...25, 86...86, 124...124],
    31: [
      4...4, 25...25, 27...27, 45...46, 67...67, 107...108, 111...111, 121...121, 136...140,
      147...147, 162...162, 166...168, 173...173, 178...179, 188...188, 196...196,
    ],
    32: [],
  ]

  private static let classifier: [ClosedRange<Int32>] =
    network + [
      9...11, 13...13, 18...21, 23...26, 28...34, 38...41, 43...43, 46...48, 50...50, 66...66,
      68...69, 79...79, 83...86, 95...100, 107...108, 110...110, 122...122, 124...124, 135...135,
      151...152, 155...155, 163...163, 192...192, 204...207,
    ]
}

extension Set<Int32> {
  /// The numbers without those of helpers that exist here; the tail call is an operation.
  func subtracting(_ helpers: [Helper]) -> Set<Int32> {
    subtracting(helpers.map(\.number)).subtracting([12])
  }
}
