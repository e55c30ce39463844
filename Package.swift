// swift-tools-version:6.2
// One source tree, two builds. Plain `swift build` and `swift test` compile it hosted (with the Swift
// runtime) for the unit tests. PROGNOS_EMBEDDED=1, set by the Makefile and by CMake, compiles the
// library that ships: Embedded Swift, which carries no runtime and needs only libc and libm.
import PackageDescription

let unicodeTables = Context.environment["PROGNOS_EMBEDDED"].flatMap { $0.isEmpty ? nil : $0 }
let embedded = unicodeTables != nil

let swift: [SwiftSetting] =
  [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
  + (embedded
    ? [
      .enableExperimentalFeature("Embedded"),
      // Small before fast, which costs begin, end and the hooks nothing (docs/methods.md): the last such flag counts.
      // Modules repeat what they use of others: with a section for each function, the linker drops the rest.
      .unsafeFlags([
        "-wmo", "-Osize", "-enforce-exclusivity=unchecked", "-Xcc", "-momit-leaf-frame-pointer",
        "-Xfrontend", "-function-sections",
      ]),
    ]
    : [])

// C has unwind tables and needs no frame pointers, which the bodies of hooks would pay for at each call.
let c: [CSetting] = [
  .unsafeFlags(["-Wall", "-Wextra", "-Werror", "-Xclang", "-mframe-pointer=none"])
]

let link: [LinkerSetting] =
  embedded
  ? [
    .linkedLibrary("m"),
    .unsafeFlags([
      unicodeTables ?? "", "-use-ld=lld",
      "-Xlinker", "-soname=libprognos.so.1",
      "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/Prognos/prognos.map",
      "-Xlinker", "-z", "-Xlinker", "nodelete",
      "-Xlinker", "-z", "-Xlinker", "relro", "-Xlinker", "-z", "-Xlinker", "now",
      "-Xlinker", "--gc-sections", "-Xlinker", "--icf=all",
    ]),
  ]
  : []

// The unit tests run on the hosted build; what ships is tested through its C ABI.
let tests: [Target] = [
  .testTarget(
    name: "RecordingTests", dependencies: ["CShim", "CPrognos", "Recording", "Hostile"],
    swiftSettings: swift),
  // Damaged recordings, and a process that reads them.
  .target(
    name: "Hostile",
    dependencies: ["CShim", "CPrognos", "Recording", "Analysis", "Symbols", "Export"],
    path: "Tests/Hostile", swiftSettings: swift),
  .executableTarget(
    name: "HostileReader", dependencies: ["Hostile"], path: "Tests/HostileReader",
    swiftSettings: swift,
    // Readers need none of the shim's hooks, whose other halves are in Capture: they are left out.
    linkerSettings: [.unsafeFlags(["-use-ld=lld", "-Xlinker", "--gc-sections"])]),
  // Code to unwind through: optimised, without frame pointers, symbols bound when first called.
  .target(
    name: "Fixtures", path: "Tests/Fixtures",
    cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror", "-fomit-frame-pointer"])],
    cxxSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror", "-fomit-frame-pointer"])],
    linkerSettings: [.linkedLibrary("stdc++")]),
  .testTarget(
    name: "CaptureTests", dependencies: ["CShim", "CPrognos", "Recording", "Capture", "Fixtures"],
    swiftSettings: swift, linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "lazy"])]),
  .testTarget(
    name: "ExportTests", dependencies: ["CShim", "CPrognos", "Recording", "Symbols", "Export"],
    swiftSettings: swift),
  .testTarget(
    name: "AnalysisTests", dependencies: ["CShim", "CPrognos", "Recording", "Analysis"],
    swiftSettings: swift),
  .testTarget(
    name: "SymbolsTests", dependencies: ["CShim", "Symbols"], swiftSettings: swift),
  .testTarget(
    name: "PrognosTests",
    dependencies: [
      "CShim", "CPrognos", "Recording", "Capture", "Analysis", "Export", "Prognos",
    ],
    swiftSettings: swift),
  .testTarget(name: "ArchitectureTests", swiftSettings: swift),
]

// PROGNOS_FUZZ=1, set by scripts/fuzz, adds the fuzzer of readers, which a sanitized build of its own makes.
let fuzz: [Target] =
  Context.environment["PROGNOS_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "Fuzz", dependencies: ["Hostile"], path: "Tests/Fuzz",
      exclude: ["corpus", "regressions"],
      swiftSettings: swift,
      linkerSettings: [
        .unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld", "-Xlinker", "--gc-sections"])
      ])
  ]

// The command `prognos` is hosted: it may take its time and its memory, and needs a package for its arguments
// that the library must never see.
let tool: [Target] = [
  .executableTarget(
    name: "PrognosTool",
    dependencies: [
      "CShim", "CPrognos", "Recording", "Analysis", "Export", "Symbols",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ], swiftSettings: swift,
    // Readers need none of the shim's hooks, whose other halves are in Capture: they are left out.
    linkerSettings: [.unsafeFlags(["-use-ld=lld", "-Xlinker", "--gc-sections"])]),
  .testTarget(
    name: "ToolTests",
    dependencies: ["CShim", "CPrognos", "Recording", "Export", "PrognosTool", "Hostile"],
    swiftSettings: swift),
]

let package = Package(
  name: "prognos",
  products: [
    embedded
      ? .library(name: "prognos", type: .dynamic, targets: ["Prognos"])
      : .executable(name: "prognos", targets: ["PrognosTool"])
  ],
  dependencies: embedded
    ? [] : [.package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")],
  targets: [
    .systemLibrary(name: "CPrognos", path: "include"),
    .target(name: "CShim", cSettings: c),
    .target(name: "Recording", dependencies: ["CShim", "CPrognos"], swiftSettings: swift),
    .target(
      name: "Capture", dependencies: ["CShim", "CPrognos", "Recording"], swiftSettings: swift),
    .target(
      name: "Analysis", dependencies: ["CPrognos", "Recording"], swiftSettings: swift),
    .target(
      name: "Export", dependencies: ["CPrognos", "CShim", "Recording", "Analysis", "Symbols"],
      swiftSettings: swift),
    .target(name: "Symbols", dependencies: ["CShim"], swiftSettings: swift),
    .target(
      name: "Prognos",
      dependencies: [
        "CShim", "CPrognos", "Recording", "Capture", "Analysis", "Export", "Symbols",
      ],
      exclude: ["prognos.map"], swiftSettings: swift, linkerSettings: link),
  ] + (embedded ? [] : tool + tests + fuzz)
)
