// swift-tools-version: 6.2

import PackageDescription

// A package of its own: whoever uses Switchyard never builds the benchmarks.
let package = Package(
  name: "switchyard-benchmarks",
  platforms: [.macOS("26.0")],
  dependencies: [.package(name: "switchyard", path: "..")],
  targets: [
    .target(name: "NativePrograms", cSettings: [.unsafeFlags(["-O2"])]),
    // The headers are looked for where Debian has them; without them there are no rows of DPDK's.
    .target(
      name: "DPDKPeer",
      cSettings: [
        .unsafeFlags([
          "-O2", "-msse4.2", "-isystem", "/usr/include/dpdk", "-isystem",
          "/usr/include/x86_64-linux-gnu/dpdk",
        ])
      ]),
    .executableTarget(
      name: "switchyard-bench",
      dependencies: [
        "DPDKPeer", "NativePrograms",
        .product(name: "Switchyard", package: "switchyard"),
        .product(name: "SwitchyardKernel", package: "switchyard"),
        .product(name: "SwitchyardCompiler", package: "switchyard"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
  ]
)
