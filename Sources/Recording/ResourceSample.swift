// SPDX-License-Identifier: Apache-2.0

/// What can run out. The raw value is its place in a sample.
public enum Resource: Int, CaseIterable {
  case addressSpace
  case data
  case groupMemory
  case hostMemory
  case descriptors
  case userProcesses
  case groupProcesses
  case maps
  case disk
  case inodes
  case fileSize
  /// In milliseconds.
  case cpuSeconds
  /// Nanoseconds a second that the control group had to wait for its quota; the limit is 1 s.
  case throttled
  case stack
  /// The fullest file system among those that the process writes to, if that is not `disk`'s.
  case writtenDisk
  // Without a limit of their own, but known to leak.
  case residentMemory
  case heap
  case threads
  case sockets
}

/// A call that is open and has none open inside it: where its thread is.
public struct OpenCallSample: BitwiseCopyable {
  public var operation: UInt64 = 0
  public var nanoseconds: UInt64 = 0

  public init() {}
}

/// How much of each resource is used at a moment, and its limit: 0 for none.
public struct ResourceSample: BitwiseCopyable {
  public var monotonicNanoseconds: UInt64 = 0
  public var unixNanoseconds: UInt64 = 0
  /// As the clock was known then: it is measured better and better. 0: not known.
  public var nanosecondsPerTick = 0.0
  public var used = InlineArray<24, UInt64>(repeating: 0)
  public var limit = InlineArray<24, UInt64>(repeating: 0)
  /// Threads that are within an operation; of them those that have been in one call for longest, that first.
  public var openThreads: UInt64 = 0
  public var longestOpen = InlineArray<4, OpenCallSample>(repeating: OpenCallSample())
  /// Operations that are innermost in several threads: the operation above, how many threads below. 0 behind the last.
  public var atOnce = InlineArray<8, UInt64>(repeating: 0)

  /// CPUs that the process may run on, and the time that its threads, without the collector, could run and waited for one, by the system's
  /// counter; 0 where that is not known.
  public var processors: UInt64 = 0
  public var runQueueNanoseconds: UInt64 = 0
  /// Calls without a caller that were of another operation than their thread's call before.
  public var taskSwitches: UInt64 = 0

  public init() {}

  /// How many threads were in an operation, called nothing from there, and were not alone; 1 for all others.
  public func threads(in operation: UInt32) -> Int {
    for place in 0..<8 where UInt32(truncatingIfNeeded: atOnce[place] &>> 32) == operation {
      return Int(UInt32(truncatingIfNeeded: atOnce[place]))
    }
    return 1
  }

  /// Counts a thread in an operation.
  mutating func countAtOnce(_ operation: UInt32) {
    for place in 0..<8 {
      let there = UInt32(truncatingIfNeeded: atOnce[place] &>> 32)
      guard there == operation || there == 0 else { continue }
      atOnce[place] = UInt64(operation) << 32 | (atOnce[place] & 0xFFFF_FFFF) &+ 1
      return
    }
  }

  public subscript(_ resource: Resource) -> (used: UInt64, limit: UInt64) {
    get { (used[resource.rawValue], limit[resource.rawValue]) }
    set {
      used[resource.rawValue] = newValue.used
      limit[resource.rawValue] = newValue.limit
    }
  }
}

extension Recording {
  /// Notes which calls are open. By the recorded process, at the sample's moment.
  public func noteOpenCalls(in sample: inout ResourceSample) {
    let scale = usesCounter ? Double(bitPattern: header.pointee.nanosecondsPerTick.value) : 1
    let age = sample.monotonicNanoseconds &- header.pointee.startMonotonic.value
    guard scale > 0, age < 1 << 62 else { return }
    let now = header.pointee.startTicks.value &+ whole(Double(age) / scale)
    forEachLane { lane in
      sample.taskSwitches &+= lane.pointee.taskSwitches.value
      guard lane.pointee.state.acquired == Lane.State.owned else { return }
      var call = OpenCallSample()
      forEachFrame(of: lane) { _, frame in
        let operation = frame.pointee.operation
        guard call.operation == 0, isOperation(operation) else { return }
        let ticks = now &- frame.pointee.start.value
        call.operation = UInt64(operation)
        call.nanoseconds = ticks < 1 << 62 ? whole(Double(ticks) * scale) : 0
      }
      guard call.operation != 0 else { return }
      sample.openThreads &+= 1
      sample.countAtOnce(UInt32(truncatingIfNeeded: call.operation))
      for place in 0..<4 where sample.longestOpen[place].nanoseconds <= call.nanoseconds {
        swap(&sample.longestOpen[place], &call)
      }
    }
  }
}
