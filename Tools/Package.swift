// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "switchyard-tools",
  platforms: [.macOS("26.0")],
  targets: [
    .executableTarget(
      name: "generate-captures",
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
      ])
  ]
)
