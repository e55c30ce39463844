// SPDX-License-Identifier: Apache-2.0
import CPrognos

// Structs cross the ABI with their caller's size: what both sides know is copied.

/// Fills a caller's struct and zeroes what only the caller knows.
func fill<T>(
  _ out: UnsafeMutablePointer<T>?, _ size: Int, with value: T, _ function: StaticString
) -> prognos_status {
  guard let out, size > 0 else {
    return invalidArgument {
      $0.put(function)
      $0.put(out == nil ? ": out is NULL" : ": size is 0; expected sizeof *out")
    }
  }
  let known = min(size, MemoryLayout<T>.size)
  withUnsafeBytes(of: value) { bytes in
    UnsafeMutableRawPointer(out).copyMemory(
      from: bytes.baseAddress.unsafelyUnwrapped, byteCount: known)
  }
  if size > known {
    (UnsafeMutableRawPointer(out) + known).initializeMemory(
      as: UInt8.self, repeating: 0, count: size - known)
  }
  return PROGNOS_OK
}

/// Copies what the caller's struct has over `value`.
func copy<T>(_ from: UnsafePointer<T>, _ size: Int, over value: inout T) {
  withUnsafeMutableBytes(of: &value) { bytes in
    let known = min(size, bytes.count)
    bytes.copyMemory(from: UnsafeRawBufferPointer(start: from, count: known))
  }
}
