// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Capture
import Glibc
import Recording

// Small helpers around the C functions. Tests that change what belongs to the whole process run in a
// process of their own.

/// The calling thread's last error.
var lastError: String { String(cString: prognos_last_error()) }

/// Begins and ends an operation.
func call(_ operation: prognos_op, times: Int = 1, _ body: () -> Void = {}) {
  for _ in 0..<times {
    prognos_begin(operation)
    body()
    prognos_end(operation)
  }
}

func stats(of operation: prognos_op) -> prognos_op_stats {
  var stats = prognos_op_stats()
  _ = prognos_op_read(operation, PROGNOS_TOTAL, &stats, MemoryLayout.size(ofValue: stats))
  return stats
}

func diagnostics() -> prognos_diagnostics {
  var diagnostics = prognos_diagnostics()
  _ = prognos_diagnostics_read(&diagnostics, MemoryLayout.size(ofValue: diagnostics))
  return diagnostics
}

func capabilities() -> prognos_capabilities {
  var capabilities = prognos_capabilities()
  _ = prognos_capabilities_read(&capabilities, MemoryLayout.size(ofValue: capabilities))
  return capabilities
}

func defaults() -> prognos_options {
  var options = prognos_options()
  prognos_options_default(&options, MemoryLayout.size(ofValue: options))
  return options
}

func start(_ options: prognos_options) -> prognos_status {
  var options = options
  return prognos_start(&options, MemoryLayout.size(ofValue: options))
}

/// The default options with some changed.
func options(_ change: (inout prognos_options) -> Void) -> prognos_options {
  var options = defaults()
  change(&options)
  return options
}

/// A rendered profile.
func render(_ format: prognos_format) -> String {
  var needed = 0
  guard prognos_render(format, nil, 0, &needed) == PROGNOS_OK else { return "" }
  var buffer = [CChar](repeating: 1, count: needed + 4096)
  guard prognos_render(format, &buffer, buffer.count, nil) == PROGNOS_OK else { return "" }
  return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}

/// Runs `body` on a new thread until that has ended.
func onNewThread(_ body: () -> Void) {
  withoutActuallyEscaping(body) { body in
    let job = Unmanaged.passRetained(Job(body))
    var thread = pthread_t()
    let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { raw in
      Unmanaged<Job>.fromOpaque(raw!).takeRetainedValue().body()
      return nil
    }
    pthread_create(&thread, nil, run, job.toOpaque())
    pthread_join(thread, nil)
  }
}

private final class Job {
  let body: () -> Void
  init(_ body: @escaping () -> Void) { self.body = body }
}

/// A new empty directory.
func temporaryDirectory() -> String {
  var template = Array("/tmp/prognos-test-XXXXXX".utf8CString)
  return template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
}

/// The bytes of a file; nil when it cannot be read.
func contents(of path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  while case let byte = getc(file), byte != EOF { bytes.append(UInt8(byte)) }
  return String(decoding: bytes, as: UTF8.self)
}

func write(_ text: String, to path: String) {
  let file = fopen(path, "w")!
  fputs(text, file)
  fclose(file)
}

/// The header of the recording of this process.
func existingRecordingHeader() -> UnsafeMutablePointer<Header> { existingRecording()!.header }

/// Whether the tests run under ThreadSanitizer.
let isUnderThreadSanitizer = dlsym(nil, "__tsan_init") != nil
