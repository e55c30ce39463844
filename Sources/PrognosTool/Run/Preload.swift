// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The library that is loaded into programs which know nothing of Prognos.
enum Preload {
  static let name = "libprognos_preload.so"

  /// LD_PRELOAD with it in front of what stands there already.
  static func variable() throws -> String {
    let path = try find()
    // ld.so(8): names are separated by spaces or colons, and nothing escapes them.
    if path.contains(" ") || path.contains(":") {
      throw Failure(
        "\(path) cannot be preloaded: its path has a space or a colon; install Prognos elsewhere",
        status: Failure.Status.ownFailure)
    }
    guard let others = Surroundings.variable("LD_PRELOAD") else { return path }
    return "\(path):\(others)"
  }

  /// Beside the command as it is installed or built, in any of the usual library folders.
  private static func find() throws -> String {
    if let given = Surroundings.variable("PROGNOS_PRELOAD") {
      if access(given, R_OK) == 0 { return given }
      throw Failure(
        "PROGNOS_PRELOAD names \(given), which cannot be read: \(errorText())",
        status: Failure.Status.ownFailure)
    }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    let own = String(
      decoding: buffer.prefix(max(length, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let prefix = own.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
      .joined(separator: "/")
    #if arch(x86_64)
      let triple = "x86_64-linux-gnu"
    #else
      let triple = "aarch64-linux-gnu"
    #endif
    let places = ["lib", "lib/\(triple)", "lib64"].map { "\(prefix)/\($0)/\(name)" }
    for place in places where access(place, R_OK) == 0 { return place }
    throw Failure(
      "\(name) was not found in \(places.joined(separator: " or ")); "
        + "say where it is by PROGNOS_PRELOAD",
      status: Failure.Status.ownFailure)
  }
}
