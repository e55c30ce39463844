// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Recording

@testable import Capture

// What the tests of this target need to act as a host of the one recording of their process. Tests
// that change what belongs to the whole process (its environment, the feature flag, its memory) run
// in a process of their own.

/// The recording of this process.
func recording() -> Recording { prepareRecording()! }

/// The handle of an operation. Each test names its own, since all share one recording.
func operation(_ name: String) -> UInt32 {
  (try? nameOperation(CleanText(name), in: recording())) ?? 0
}

func profile() -> Profile {
  Profile(of: recording(), at: recording().readingMoment(), distributions: .all)
}

/// All calls of an operation.
func totals(of operation: UInt32) -> Totals { profile().operations[Int(operation) - 1].totals }

/// The words of its failures.
func failures(of operation: UInt32) -> [String: UInt64] {
  var words: [String: UInt64] = [:]
  for (kind, count) in totals(of: operation).failures {
    let word = recording().textOfKind(kind).map { String(decoding: $0, as: UTF8.self) } ?? "(other)"
    words[word, default: 0] += count
  }
  return words
}

/// The calling thread's lane, given to it now if it has none.
func lane() -> UnsafeMutablePointer<Lane> { (currentLane() ?? attach())! }

/// How many operations are open on the calling thread.
var depth: Int {
  let lane = lane()
  var frame = recording().frame(top: lane.pointee.top.value)
  var depth = 0
  while frame.pointee.key.value != Frame.Mark.root {
    if frame.pointee.operation != 0 { depth += 1 }
    frame =
      frame.pointee.key.value == Frame.Mark.segment ? recording().skippingLowest(frame) : frame - 1
  }
  return depth
}

/// Begins and ends an operation, with `body` between.
func call(_ operation: UInt32, times: Int = 1, _ body: () -> Void = {}) {
  for _ in 0..<times {
    prognos_begin(operation)
    body()
    prognos_end(operation)
  }
}

private final class Job<R> {
  let body: () -> R
  var result: R?
  init(_ body: @escaping () -> R) { self.body = body }
}

/// A thread of its own; what it recorded is there when `join` returns.
struct TestThread<R> {
  private let thread: pthread_t
  private let job: Job<R>

  init(_ body: @escaping () -> R) {
    job = Job(body)
    var thread = pthread_t()
    let context = Unmanaged.passRetained(job as AnyObject)
    let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { raw in
      let job = Unmanaged<AnyObject>.fromOpaque(raw!).takeRetainedValue()
      (job as! any Runnable).run()
      return nil
    }
    precondition(pthread_create(&thread, nil, run, context.toOpaque()) == 0)
    self.thread = thread
  }

  func join() -> R {
    pthread_join(thread, nil)
    return job.result!
  }
}

private protocol Runnable: AnyObject { func run() }
extension Job: Runnable { func run() { result = body() } }

/// Runs `body` on a new thread until that has ended, thread-specific data and all.
func onNewThread<R>(_ body: () -> R) -> R {
  withoutActuallyEscaping(body) { TestThread($0).join() }
}

/// It brings a heap and signal handlers of its own.
let isUnderThreadSanitizer = dlsym(nil, "__tsan_init") != nil
