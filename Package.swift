// swift-tools-version: 6.2

import PackageDescription

/// Settings of the tests, which poke at raw memory and the kernel on purpose.
let testSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
  .treatAllWarnings(as: .error),
]

/// Settings of the sources: the same, and every unsafe expression has to be marked as such.
let settings = testSettings + [.strictMemorySafety()]

let package = Package(
  name: "switchyard",
  platforms: [.macOS("26.0")],
  products: [
    .library(name: "Switchyard", targets: ["Switchyard"]),
    .library(name: "SwitchyardKernel", targets: ["BPFKernel"]),
    .library(name: "SwitchyardCompiler", targets: ["BPFCompiler"]),
    .executable(name: "switchyard", targets: ["switchyard-cli"]),
    .executable(name: "switchyard-conformance", targets: ["switchyard-conformance"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .target(name: "CPlatform"),
    .systemLibrary(
      name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"]), .brew(["libpcap"])]),
    .target(name: "BPFInstructions", swiftSettings: settings),
    .target(name: "BPFObject", dependencies: ["BPFInstructions"], swiftSettings: settings),
    .target(
      name: "BPFRuntime", dependencies: ["BPFInstructions", "CPlatform"], swiftSettings: settings),
    .target(name: "X86Assembler", swiftSettings: settings),
    .target(
      name: "BPFCompiler",
      dependencies: ["BPFInstructions", "BPFRuntime", "X86Assembler", "CPlatform"],
      swiftSettings: settings),
    .target(
      name: "BPFVerifier", dependencies: ["BPFInstructions", "BPFObject", "BPFRuntime"],
      swiftSettings: settings),
    .target(
      name: "BPFHooks", dependencies: ["BPFRuntime", "CPcap"], swiftSettings: settings),
    .target(
      name: "BPFKernel", dependencies: ["BPFInstructions", "BPFObject", "CPlatform"],
      swiftSettings: settings),
    .target(
      name: "Switchyard",
      dependencies: [
        "BPFInstructions", "BPFObject", "BPFRuntime", "BPFVerifier", "BPFCompiler", "BPFHooks",
      ],
      swiftSettings: settings),
    .target(
      name: "SwitchyardControl",
      dependencies: [
        "Switchyard", "BPFCompiler", "BPFVerifier",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings),
    .target(
      name: "SwitchyardCommands",
      dependencies: [
        "Switchyard", "SwitchyardControl", "BPFCompiler", "BPFKernel", "BPFVerifier",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "switchyard-cli", dependencies: ["SwitchyardCommands"], path: "Sources/switchyard-cli",
      swiftSettings: settings),
    .executableTarget(
      name: "switchyard-conformance",
      dependencies: ["SwitchyardCommands"], swiftSettings: settings),
    .target(
      name: "TestSupport",
      dependencies: [
        "BPFInstructions", "BPFObject", "BPFRuntime", "BPFCompiler", "BPFKernel", "CPlatform",
      ],
      path: "Tests/TestSupport", swiftSettings: testSettings),
    .testTarget(
      name: "BPFInstructionsTests", dependencies: ["BPFInstructions", "TestSupport"],
      swiftSettings: testSettings),
    .testTarget(
      name: "BPFObjectTests", dependencies: ["BPFObject", "BPFInstructions", "TestSupport"],
      swiftSettings: testSettings),
    .testTarget(
      name: "BPFRuntimeTests",
      dependencies: ["BPFRuntime", "BPFInstructions", "BPFKernel", "TestSupport"],
      exclude: ["TailCalls/README.md"],
      swiftSettings: testSettings),
    .testTarget(
      name: "BPFVerifierTests",
      dependencies: [
        "BPFVerifier", "BPFInstructions", "BPFObject", "BPFRuntime", "BPFCompiler", "BPFKernel",
        "TestSupport",
      ],
      swiftSettings: testSettings),
    .testTarget(
      name: "X86AssemblerTests", dependencies: ["X86Assembler", "TestSupport"],
      swiftSettings: testSettings),
    .testTarget(
      name: "BPFCompilerTests",
      dependencies: ["BPFCompiler", "BPFRuntime", "BPFInstructions", "TestSupport"],
      swiftSettings: testSettings),
    .testTarget(
      name: "BPFHooksTests", dependencies: ["BPFHooks", "TestSupport"],
      swiftSettings: testSettings),
    .testTarget(
      name: "SwitchyardTests", dependencies: ["Switchyard", "BPFCompiler", "TestSupport"],
      swiftSettings: testSettings),
    .testTarget(
      name: "SwitchyardControlTests",
      dependencies: ["SwitchyardControl", "Switchyard", "TestSupport"],
      swiftSettings: testSettings),
    .testTarget(
      name: "SwitchyardCommandsTests",
      dependencies: [
        "SwitchyardCommands", "Switchyard", "BPFCompiler", "BPFInstructions", "BPFKernel",
        "BPFObject", "TestSupport",
      ],
      swiftSettings: testSettings),
    .testTarget(
      name: "DifferentialTests",
      dependencies: [
        "Switchyard", "BPFInstructions", "BPFObject", "BPFRuntime", "BPFHooks", "BPFKernel",
        "BPFCompiler", "CPlatform", "TestSupport",
      ],
      swiftSettings: testSettings),
    .testTarget(name: "TidyTests", dependencies: ["TestSupport"], swiftSettings: testSettings),
  ]
)
