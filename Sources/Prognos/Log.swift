// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Capture
import Recording
import Synchronization

// What an operator should know goes to the host's callback (prognos_options.log).

/// The callback's address and its context's; 0 without one. Set once, by the start that succeeds.
private let callbackAddress = Atomic<UInt>(0)
private let contextAddress = Atomic<UInt>(0)

func setLog(_ options: prognos_options) {
  contextAddress.store(UInt(bitPattern: options.log_context), ordering: .relaxed)
  let address = options.log.map { UInt(bitPattern: unsafeBitCast($0, to: Int.self)) } ?? 0
  callbackAddress.store(address, ordering: .releasing)
}

/// Hands a message to the host, if it wants any.
func log(_ compose: (inout ErrorText) -> Void) {
  let address = callbackAddress.load(ordering: .acquiring)
  guard address != 0 else { return }
  let callback = unsafeBitCast(Int(bitPattern: address), to: prognos_log_callback.self)
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(Lane.errorTextBytes)) { buffer in
    guard let start = buffer.baseAddress else { return }
    ErrorText.compose(in: start, compose)
    let message = UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self)
    callback(message, UnsafeMutableRawPointer(bitPattern: contextAddress.load(ordering: .relaxed)))
  }
}

/// What is in force after a start, and what of the wishes is not.
func logStart(_ live: prognos_capabilities, wanted: prognos_options) {
  log {
    $0.put("prognos ")
    $0.put(text(Version.text))
    $0.put(": recording up to ")
    $0.put(live.memory_limit_bytes)
    $0.put(" bytes; time by ")
    $0.put(live.time_source)
    $0.put(", CPU time by ")
    $0.put(live.cpu_clock)
    $0.put(" (")
    $0.put(live.cpu_clock_reason)
    $0.put(")")
  }
  if live.memory_limit_bytes < wanted.memory_limit_bytes & ~UInt64(Layout.page - 1) {
    log {
      $0.put("prognos: the recording is smaller than the memory_limit_bytes of ")
      $0.put(wanted.memory_limit_bytes)
    }
  }
  if live.max_ops < wanted.max_ops || live.max_threads < wanted.max_threads {
    log {
      $0.put("prognos: the recording holds ")
      $0.put(UInt64(live.max_ops))
      $0.put(" operations and ")
      $0.put(UInt64(live.max_threads))
      $0.put(" threads, fewer than asked for; raise memory_limit_bytes")
    }
  }
  if live.track_unavailable != 0 {
    log {
      $0.put("prognos: asked for, and not tracked:")
      for (word, bit) in Options.trackWords where live.track_unavailable & bit != 0 {
        $0.put(" ")
        $0.put(word)
      }
    }
  }
}

private let hasLoggedRejection = Atomic<Bool>(false)

/// Says once that operation names are refused.
func logRejectedName() {
  guard !hasLoggedRejection.exchange(true, ordering: .relaxed) else { return }
  log { $0.put("prognos: the table of operations is full; further names are refused (max_ops)") }
}
