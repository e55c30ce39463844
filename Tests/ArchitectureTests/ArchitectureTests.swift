// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@Suite("The architecture")
struct ArchitectureTests {
  /// What each module may import, besides the C header and the standard library's atomics. A module that
  /// is not listed has no place in the architecture yet.
  private static let allowed: [String: Set<String>] = [
    "CShim": [],
    "Preload": [],  // C: a host of the library, in programs that know nothing of it
    "Fixtures": [],  // C for the unit tests to unwind through
    "Hostile": ["CShim", "Recording", "Analysis", "Symbols", "Export"],  // damaged recordings
    "Recording": ["CShim"],
    "Capture": ["CShim", "Recording"],
    "Analysis": ["Recording"],
    "Export": ["CShim", "Recording", "Analysis", "Symbols"],
    "Symbols": ["CShim"],
    "Prognos": ["CShim", "Recording", "Capture", "Analysis", "Export", "Symbols"],
    "PrognosTool": ["CShim", "Recording", "Analysis", "Export", "Symbols"],
  ]
  /// What only the tool may import besides: it is hosted, and takes its arguments by a package.
  private static let tool: Set<String> = ["ArgumentParser", "Glibc"]
  private static let always: Set<String> = ["CPrognos", "Synchronization"]

  @Test("The sources are there to be looked at")
  func found() {
    #expect(SourceTree.swift.count > 30)
    #expect(Set(SourceTree.swift.map(\.module)).isSuperset(of: ["Recording", "Capture", "Export"]))
  }

  @Test("Imports run one way only")
  func imports() {
    let pattern = #/^\s*(?:@\w+\s+|public\s+|internal\s+)*import\s+(?:\w+\s+)?(\w+)/#
    for file in SourceTree.swift {
      let extra = file.module == "PrognosTool" ? Self.tool : []
      let allowed = Self.allowed[file.module]?.union(extra)
      #expect(allowed != nil, "\(file.path) is in no module of the architecture")
      for line in file.code {
        guard let name = line.firstMatch(of: pattern).map({ String($0.1) }) else { continue }
        #expect(
          Self.always.contains(name) || allowed?.contains(name) == true,
          "\(file.path) imports \(name)")
      }
    }
  }

  @Test("The package's targets depend on no more than their modules may import")
  func dependencies() throws {
    let package = try String(
      contentsOf: SourceTree.root.appendingPathComponent("Package.swift"), encoding: .utf8)
    let pattern = #/\.target\(\s*name: "(\w+)",(?:\s*dependencies: \[([^\]]*)\])?/#
    var seen = 0
    for match in package.matches(of: pattern) {
      seen += 1
      let module = String(match.1)
      let names = (match.2 ?? "").split { !$0.isLetter }.map(String.init)
      let allowed = try #require(Self.allowed[module])
      #expect(Set(names).subtracting(Self.always).isSubset(of: allowed), "\(module): \(names)")
    }
    #expect(seen >= 5)
  }

  @Test("C includes its own header and the system's, and none of the library's Swift")
  func includes() {
    for file in SourceTree.files(below: "Sources", endingIn: ".c", ".h")
    where file.module != "Preload" {
      #expect(file.module == "CShim", "\(file.path)")
      for line in file.lines {
        guard let match = line.firstMatch(of: #/^\s*#\s*include\s+"([^"]+)"/#) else { continue }
        #expect(
          ["shim.h", "shim_hooks.h", "shim_limits.h", "shim_math.h", "shim_reader.h"].contains(
            match.1),
          "\(file.path) includes \(match.1)")
      }
    }
  }

  // A tenth, and the bodies of the hooks (docs/decisions/0005).
  @Test("The C shim stays under a sixth of the code")
  func shimIsSmall() {
    func count(_ files: [SourceTree.File]) -> Int {
      files.reduce(0) { $0 + $1.code.filter { !$0.allSatisfy(\.isWhitespace) }.count }
    }
    let c = count(SourceTree.files(below: "Sources", endingIn: ".c", ".h"))
    let all = c + count(SourceTree.swift)
    #expect(c * 6 < all, "\(c) of \(all) lines")
  }

  @Test("A file shows one idea: none is over 400 lines")
  func fileLength() {
    for file in SourceTree.files(below: "Sources", endingIn: ".swift", ".c", ".h")
      + SourceTree.files(below: "include", endingIn: ".h")
    {
      #expect(file.lines.count <= 400, "\(file.path) has \(file.lines.count) lines")
    }
  }

  @Test("Every file begins with its licence")
  func licence() {
    for file in SourceTree.files(below: "Sources", endingIn: ".swift", ".c", ".h")
      + SourceTree.files(below: "include", endingIn: ".h")
      + SourceTree.files(below: "Tests", endingIn: ".swift")
    {
      #expect(
        file.lines.first?.contains("SPDX-License-Identifier: Apache-2.0") == true, "\(file.path)")
    }
  }

  @Test("Nothing in the library can trap by a forced unwrap, a forced try or a forced cast")
  func noForce() {
    // A "!" after a name or a bracket, and not before "=": no negation and no comparison.
    let unwrap = #/[\w\)\]]!(?!=)/#
    // The signature of a C function has implicitly unwrapped pointers: it must be that of the header.
    let inSignature = #/(?:Pointer(?:<[\w<>]+>)?|prognos_\w+)!/#
    for file in SourceTree.swift where file.module != "PrognosTool" {
      for (index, line) in file.code.enumerated() {
        let rest = line.replacing(inSignature, with: "")
        let place = "\(file.path):\(index + 1)"
        #expect(rest.firstMatch(of: unwrap) == nil, "\(place)")
        #expect(!rest.contains(#/\b(try|as)!/#), "\(place)")
        #expect(
          !rest.contains(#/\b(fatalError|precondition|preconditionFailure|assert)\(/#), "\(place)")
      }
    }
  }

  @Test("Exported functions are those of the header, and each is checked against it")
  func exports() {
    let headers = SourceTree.files(below: "include", endingIn: ".h").map { file in
      file.text.replacing(#//\*[\s\S]*?\*//#, with: "")
    }
    var declared: Set<String> = []
    for text in headers {
      // A declaration begins at a line's start with its type; what is inline begins with "static".
      for match in text.matches(of: #/(?m)^(?!static|#|\s)[\w \*]*?\b(prognos_\w+)\((?!\*)/#) {
        declared.insert(String(match.1))
      }
    }
    var implemented: Set<String> = []
    for file in SourceTree.swift {
      for match in file.text.matches(of: #/@(?:c|_cdecl)\(\"?(prognos_\w+)\"?\)\s+@implementation/#)
      {
        #expect(implemented.insert(String(match.1)).inserted, "\(match.1) is implemented twice")
      }
      #expect(
        file.text.matches(of: #/@(?:c|_cdecl)\(/#).count
          == file.text.matches(of: #/@(?:c|_cdecl)\([^)]*\)\s+@implementation/#).count,
        "\(file.path) exports what no header checks")
    }
    #expect(declared.count > 20)
    #expect(implemented == declared)
  }

  @Test("Every public header is part of the umbrella")
  func umbrella() throws {
    let headers = SourceTree.files(below: "include", endingIn: ".h")
    let umbrella = try #require(headers.first { $0.path == "include/prognos.h" })
    for header in headers where header.path != umbrella.path {
      let name = header.path.replacing("include/", with: "")
      #expect(umbrella.text.contains("#include \"\(name)\""), "\(name)")
    }
  }
}
