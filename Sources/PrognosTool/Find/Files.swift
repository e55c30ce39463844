// SPDX-License-Identifier: Apache-2.0
import CShim
import Glibc

/// Writes a file as the library does, beside and then renamed; "-" is standard output.
func writeWhole(_ bytes: [UInt8], to path: String) throws {
  let failure = bytes.withUnsafeBytes { buffer in
    withUnsafePointer(to: UInt8(0)) {
      shim_write_file(path, buffer.baseAddress ?? UnsafeRawPointer($0), buffer.count)
    }
  }
  // A reader that saw enough, such as head(1), is no failure.
  if failure == EPIPE && path == "-" { return }
  guard failure == 0 else {
    throw Failure(
      "cannot write \(path == "-" ? "to standard output" : path): \(errorText(failure))")
  }
}
