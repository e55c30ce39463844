// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Recording
import Testing

@testable import Capture

/// How a thread gets its lane and gives it back, each in a process of its own where no other thread
/// takes lanes.
@Suite("Threads and their lanes")
struct ThreadTests {
  @Test("A thread's first call gives it a lane, which the next thread goes on with")
  func adoption() async {
    await #expect(processExitsWith: .success) {
      let a = operation("a")
      let first = onNewThread { () -> UnsafeMutablePointer<Lane> in
        #expect(currentLane() == nil)
        call(a)
        return lane()
      }
      #expect(first.pointee.state.value == Lane.State.free)
      #expect(first.pointee.threadID.value == 0)
      let second = onNewThread { () -> UnsafeMutablePointer<Lane> in
        call(a, times: 2)
        #expect(lane().pointee.threadID.value == shim_thread_id())
        return lane()
      }
      #expect(second == first)
      #expect(first.pointee.owners.value == 2)
      #expect(totals(of: a).count == 3)
      #expect(recording().header.pointee.laneCount.value == 1)
    }
  }

  @Test("What a thread leaves open when it ends is abandoned")
  func leftOpen() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("a"), operation("b"))
      onNewThread {
        prognos_begin(a)
        prognos_begin(b)
        prognos_work(3)
      }
      #expect(totals(of: a).abandoned == 1)
      #expect(totals(of: b).abandoned == 1)
      #expect(totals(of: b).work == 3)
      #expect(totals(of: a).active == 0)
    }
  }

  @Test("An open call of another thread is active, and what it waits is seen while it waits")
  func seenFromOutside() async {
    await #expect(processExitsWith: .success) {
      let a = operation("a")
      var ends = [Int32](repeating: 0, count: 4)
      pipe(&ends)
      pipe(&ends[2])
      let (toThread, fromThread) = (
        (read: ends[0], write: ends[1]), (read: ends[2], write: ends[3])
      )
      let thread = TestThread {
        var byte: UInt8 = 0
        prognos_begin(a)
        write(fromThread.write, &byte, 1)
        read(toThread.read, &byte, 1)
        prognos_end(a)
      }
      var byte: UInt8 = 0
      read(fromThread.read, &byte, 1)
      shim_sleep_ns(2_000_000)
      let open = totals(of: a)
      write(toThread.write, &byte, 1)
      thread.join()
      #expect(open.active == 1)
      #expect(open.count == 0)
      #expect(open.openTicks > 0)
      #expect(open.openOffCPUNanoseconds >= 1_000_000)
      #expect(totals(of: a).count == 1)
      #expect(totals(of: a).active == 0)
    }
  }

  @Test("Threads beyond max_threads are left out and counted, until a lane is free")
  func tooManyThreads() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MAX_THREADS", "1", 1)
      let (a, b) = (operation("a"), operation("b"))
      let untracked = recording().header
      onNewThread {
        call(a)
        onNewThread { call(b, times: 3) }
      }
      #expect(untracked.pointee.untrackedCalls.value == 3)
      #expect(totals(of: b).count == 0)
      onNewThread { call(b) }
      #expect(totals(of: b).count == 1)
    }
  }

  @Test("A lane whose thread is gone without a word is taken from it, and its open calls abandoned")
  func reclaimed() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MAX_THREADS", "1", 1)
      let (a, b) = (operation("a"), operation("b"))
      onNewThread {
        prognos_begin(a)
        lane().pointee.threadID.set(4_194_305)  // one above the largest of Linux
        onNewThread { call(b) }
        shim_slot_set(nil)
      }
      #expect(totals(of: a).abandoned == 1)
      #expect(totals(of: b).count == 1)
    }
  }

  @Test("A signal handler's lane is kept when it came between a thread and its lane")
  func interrupted() async {
    await #expect(processExitsWith: .success) {
      onNewThread {
        let mine = lane()
        #expect(attach() == mine)
        #expect(currentLane() == mine)
      }
      #expect(recording().header.pointee.laneCount.value == 2)
      recording().forEachLane { #expect($0.pointee.state.value == Lane.State.free) }
    }
  }

  @Test("A signal handler between hot calls records like anybody else")
  func signalHandler() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("a"), operation("b"))
      #expect(b == a + 1)
      signal(SIGUSR1) { _ in
        prognos_begin(2)
        prognos_end(2)
      }
      onNewThread {
        var all = sigset_t()  // the pool's threads, and those that they start, block all signals
        sigfillset(&all)
        pthread_sigmask(SIG_UNBLOCK, &all, nil)
        call(a) { raise(SIGUSR1) }
      }
      #expect(totals(of: a).count == 1)
      #expect(totals(of: b).count == 1)
      #expect(profile().paths.first { $0.operation == b }?.depth == 1)
    }
  }

  @Test("Without a thread-specific key left, the values of the host's keys stay as they are")
  func noKeyLeft() async {
    await #expect(processExitsWith: .success) {
      var keys: [pthread_key_t] = []
      var key = pthread_key_t()
      while pthread_key_create(&key, nil) == 0 { keys.append(key) }
      for key in keys { pthread_setspecific(key, UnsafeRawPointer(bitPattern: Int(key) + 1)) }
      let first = pthread_getspecific(0)
      let a = operation("a")
      call(a)
      #expect(totals(of: a).count == 1)
      #expect(pthread_getspecific(0) == first)
      for key in keys {
        #expect(pthread_getspecific(key) == UnsafeMutableRawPointer(bitPattern: Int(key) + 1))
      }
    }
  }
}
