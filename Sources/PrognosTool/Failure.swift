// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Why a command did not do what was asked: one sentence for standard error, and how the process ends.
struct Failure: Error, Equatable {
  enum Status {
    static let failed: Int32 = 1
    static let notFound: Int32 = 2
    /// As env(1), nohup(1) and timeout(1) have it: the command itself failed, the program cannot be
    /// executed, there is none.
    static let ownFailure: Int32 = 125
    static let cannotExecute: Int32 = 126
    static let noProgram: Int32 = 127
  }

  let message: String
  let status: Int32

  init(_ message: String, status: Int32 = Status.failed) {
    self.message = message
    self.status = status
  }

  static func notFound(_ message: String) -> Failure { Failure(message, status: Status.notFound) }

  func report() { say(message) }
}

/// One line on standard error.
func say(_ message: String) {
  write("prognos: \(message)\n", to: STDERR_FILENO)
}

/// Writes all of a text; what a reader that went away missed is nobody's failure.
@discardableResult
func write(_ text: String, to descriptor: Int32) -> Bool { write(Array(text.utf8), to: descriptor) }

@discardableResult
func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  var left = bytes[...]
  while !left.isEmpty {
    let written = left.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if written < 0 && errno == EINTR { continue }
    if written < 0 && errno == EAGAIN {
      var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&wait, 1, -1)
      continue
    }
    if written <= 0 { return false }
    left = left.dropFirst(written)
  }
  return true
}

/// What the system calls an error.
func errorText(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }
