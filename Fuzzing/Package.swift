// swift-tools-version: 6.2

import PackageDescription

// Fuzz targets: a package of its own, because libFuzzer needs unsafe flags, which a dependency
// must not have. Build in release: `make -C Fuzzing run`.
let fuzzed: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
  .unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"]),
]

let package = Package(
  name: "switchyard-fuzzing",
  targets: [
    // The sources themselves, through links, so that they are instrumented too.
    .target(name: "BPFInstructions", swiftSettings: fuzzed),
    .target(name: "BPFObject", dependencies: ["BPFInstructions"], swiftSettings: fuzzed),
    .executableTarget(
      name: "FuzzObject", dependencies: ["BPFInstructions", "BPFObject"], swiftSettings: fuzzed,
      linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
  ]
)
