// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The files of the project, found from where this file is.
enum SourceTree {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  struct File {
    let path: String
    let text: String
    /// The folder below Sources that it is in.
    var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    /// The lines without comments and without the contents of string literals.
    var code: [Substring] {
      text.replacing(#/"""[\s\S]*?"""/#, with: "\"\"")
        .replacing(#/"(\\.|[^"\\\n])*"/#, with: "\"\"")
        .replacing(#//\*[\s\S]*?\*//#, with: "")
        .replacing(#///[^\n]*/#, with: "")
        .split(separator: "\n", omittingEmptySubsequences: false)
    }
  }

  /// The files below a folder whose names end like this.
  static func files(below folder: String, endingIn ending: String...) -> [File] {
    let start = root.appendingPathComponent(folder)
    let paths =
      FileManager.default.enumerator(atPath: start.path)?.compactMap { $0 as? String } ?? []
    return paths.sorted().filter { path in ending.contains { path.hasSuffix($0) } }.compactMap {
      path in
      guard let data = try? Data(contentsOf: start.appendingPathComponent(path)) else { return nil }
      return File(path: folder + "/" + path, text: String(decoding: data, as: UTF8.self))
    }
  }

  static var swift: [File] { files(below: "Sources", endingIn: ".swift") }
}
