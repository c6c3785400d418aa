/// Which helpers Linux 6.18 allows for a type of program, by number, for programs under a
/// GPL-compatible licence; measured by loading a program with each of them.
enum AllowedHelpers {
  /// What socket filters may call.
  static let socketFilter = numbers(common, [26...26, 46...47, 68...68, 122...122])

  /// What classifiers and actions of traffic control may call.
  static let trafficControl = numbers(
    common,
    [
      9...11, 13...13, 18...21, 23...24, 26...26, 28...34, 38...41, 43...43, 46...48, 50...50,
      66...66, 68...69, 79...79, 83...86, 95...100, 107...108, 110...110, 122...122, 124...124,
      135...135, 151...152, 155...155, 163...163, 192...192, 204...207,
    ])

  /// What XDP programs may call.
  static let xdp = numbers(
    common,
    [
      23...23, 28...28, 44...44, 51...51, 54...54, 65...65, 69...69, 84...86, 99...100,
      110...110, 163...163, 188...190, 204...207,
    ])

  /// The helpers that all of them may call.
  private static let common: [ClosedRange<Int32>] = [
    1...3, 5...8, 12...12, 14...17, 22...22, 25...25, 35...35, 37...37, 42...42, 55...55,
    80...80, 87...89, 93...94, 105...106, 109...109, 112...115, 117...118, 120...120, 123...123,
    125...125, 130...134, 136...141, 148...149, 153...154, 156...158, 160...160, 164...165,
    169...172, 175...178, 180...182, 191...191, 194...203, 208...211,
  ]

  private static func numbers(_ ranges: [ClosedRange<Int32>]...) -> Set<Int32> {
    Set(ranges.joined().joined())
  }
}

extension Set<Int32> {
  /// The numbers without those of helpers that exist here; the tail call is an operation.
  func subtracting(_ helpers: [Helper]) -> Set<Int32> {
    subtracting(helpers.map(\.number)).subtracting([12])
  }
}
