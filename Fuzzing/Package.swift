// swift-tools-version: 6.2

import PackageDescription

// Fuzz targets: a package of their own, built with `--sanitize fuzzer`, which instruments the
// sources of the library too. `make fuzz` runs it.
let package = Package(
  name: "switchyard-fuzzing",
  dependencies: [.package(name: "switchyard", path: "..")],
  targets: [
    .executableTarget(
      name: "FuzzObject", dependencies: [.product(name: "SwitchyardKernel", package: "switchyard")],
      swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")])
  ]
)
