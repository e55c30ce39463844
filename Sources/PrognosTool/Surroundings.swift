// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What the environment says of how to write.
enum Surroundings {
  static func variable(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// Whether the locale's characters are UTF-8, by the variables that setlocale(3) looks at, in its order.
  static var isUnicode: Bool { isUnicode { variable($0) } }

  static func isUnicode(_ variable: (String) -> String?) -> Bool {
    let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? "C"
    let letters = locale.lowercased()
    return letters.contains("utf-8") || letters.contains("utf8")
  }

  /// Colours are for terminals, unless NO_COLOR (no-color.org) is set to anything.
  static func isColoured(_ descriptor: Int32) -> Bool {
    variable("NO_COLOR") == nil && isatty(descriptor) == 1 && variable("TERM") != "dumb"
  }
}
