// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

/// What the process uses of its limits, beyond what its statistics tell. Numbers that are slow to come by are read
/// less often, so that each takes at most a hundredth of the time.
struct LimitProbe {
  private(set) var dataBytes: UInt64 = 0
  private(set) var stackBytes: UInt64 = 0
  private(set) var maps = shim_maps()
  private var heaps = HeapReserve()
  private var workingDiskBytes: UInt64 = 0
  private(set) var sockets: UInt64 = 0
  private(set) var largestWrittenFile: UInt64 = 0
  private(set) var hostMemory: (used: UInt64, limit: UInt64) = (0, 0)
  private(set) var userProcesses: UInt64 = 0
  private(set) var writtenDisk = shim_disk()
  /// Throttled nanoseconds a second.
  private(set) var throttledRate: UInt64 = 0
  /// Whether no descriptor is left for looking at the rest; whether no memory is.
  private(set) var isOutOfDescriptors = false

  private var mapLimit: UInt64 = 0
  private var disks = shim_written_disks()
  /// The descriptor to go on from, and what this round over all of them has found so far.
  private var nextDescriptor: Int32 = 0
  private var scan = shim_descriptor_scan()
  private var throttledBefore: UInt64 = 0
  private var throttledAt: UInt64 = 0
  private var mapsDue: UInt64 = 0
  private var hostDue: UInt64 = 0
  private var userDue: UInt64 = 0
  private var disksDue: UInt64 = 0

  /// Descriptors looked at in one reading.
  private static let descriptorsAtOnce: Int32 = 256

  /// Cost: some 60 us, and 0.5 us for each open descriptor up to 256; a mapping's 0.3 us now and then.
  mutating func read(at now: UInt64, hurried: Bool, point: borrowing ProcessPoint) {
    workingDiskBytes = point.diskTotalBytes
    isOutOfDescriptors = shim_descriptors_are_exhausted()
    scanDescriptors()
    // What follows needs a descriptor to look through; without one, what was known stays.
    guard !isOutOfDescriptors else { return }
    if let status = ProcText("/proc/self/status") {
      dataBytes = (status.number(after: "VmData:") ?? 0) &* 1024
      stackBytes = (status.number(after: "VmStk:") ?? 0) &* 1024
      tableSize = status.number(after: "FDSize:") ?? 256
    }
    if now >= mapsDue {
      let before = shim_thread_cpu_ns()
      _ = shim_maps_read(&maps)
      heaps.observe(maps, virtualBytes: point.virtualBytes, heapBytes: point.heapBytes)
      mapsDue = now &+ (shim_thread_cpu_ns() &- before) &* 100
    }
    if now >= hostDue {
      hostDue = now &+ 500_000_000
      if mapLimit == 0 { mapLimit = ProcText("/proc/sys/vm/max_map_count")?.number(0) ?? 0 }
      if let memory = ProcText("/proc/meminfo") {
        let total = memory.number(0) &* 1024
        let available = (memory.number(after: "MemAvailable:") ?? 0) &* 1024
        hostMemory = available > 0 && available <= total ? (total &- available, total) : (0, 0)
      }
    }
    if now >= userDue {
      userProcesses = UInt64(max(shim_count_user_processes(), 0))
      userDue = now &+ max((shim_monotonic_ns() &- now) &* 1000, 5_000_000_000)
    }
    if now >= disksDue && !hurried {
      disksDue = now &+ 500_000_000
      var disk = shim_disk()
      writtenDisk = shim_fullest_disk_read(&disks, workingDiskBytes, &disk) ? disk : shim_disk()
    }
  }

  /// One part of the descriptors at each reading; what a round over all has found counts at its end.
  private mutating func scanDescriptors() {
    // The table's size is a power of two above the highest descriptor.
    let end = Int32(clamping: tableSize)
    let next = min(nextDescriptor &+ Self.descriptorsAtOnce, end)
    shim_scan_descriptors(nextDescriptor, next, &scan, &disks)
    largestWrittenFile = max(largestWrittenFile, scan.largest_written)
    nextDescriptor = next
    guard next >= end else { return }
    (sockets, largestWrittenFile) = (scan.sockets, scan.largest_written)
    (scan, nextDescriptor) = (shim_descriptor_scan(), 0)
  }

  private var tableSize: UInt64 = 256

  /// The system's counter of the time that the control group had to wait.
  mutating func note(throttledNanoseconds: UInt64, at now: UInt64) {
    let span = now &- throttledAt
    guard throttledAt == 0 || span >= 500_000_000 else { return }
    if throttledAt > 0, throttledNanoseconds >= throttledBefore {
      throttledRate = whole(Double(throttledNanoseconds &- throttledBefore) / Double(span) * 1e9)
    }
    (throttledBefore, throttledAt) = (throttledNanoseconds, now)
  }

  /// Adds to a sample what this knows.
  func add(to sample: inout ResourceSample, of point: borrowing ProcessPoint) {
    sample[.addressSpace].used &-= min(heaps.fillableBytes, sample[.addressSpace].used)
    sample[.data] = (dataBytes, point.dataLimit)
    sample[.hostMemory] = hostMemory
    if isOutOfDescriptors { sample[.descriptors].used = point.descriptorLimit }
    sample[.userProcesses] =
      userProcesses > 0 ? (userProcesses &+ max(point.threads, 1) &- 1, point.processLimit) : (0, 0)
    sample[.maps] = (maps.count, mapLimit)
    sample[.fileSize] = (largestWrittenFile, point.fileSizeLimit)
    sample[.cpuSeconds] = (
      point.cpuNanoseconds / 1_000_000, shim_limit(shim_limit_cpu_seconds) &* 1000
    )
    sample[.throttled] = (throttledRate, point.cpuQuota > 0 ? 1_000_000_000 : 0)
    sample[.stack] = (stackBytes, point.stackLimit)
    let disk = writtenDisk
    sample[.writtenDisk] = (disk.total_bytes &- disk.free_bytes, disk.total_bytes)
    sample[.sockets] = (sockets, 0)
  }
}

/// What malloc has reserved of address space for its heaps, and not used yet, counts in the limit already. Where the
/// process grows by malloc, that is filled before it dies, but for what is left in other heaps when one is full. As long as
/// hardly anything is used, as when it leaks large blocks, that is taken to be half of each heap. The fuller the fullest, the
/// better it is known which heaps grow: then a quarter at most of these, and all of those that nobody has touched.
/// Where it grows by mappings of its own, the reserve is of no use.
private struct HeapReserve {
  private var used: UInt64 = 0
  private var heap: UInt64 = 0
  private var reserved = 0.0
  private var kept = 0.0
  // Faded sums: growth of what is used of the address space, and of what malloc has handed out.
  private var grown = 0.0
  private var allocated = 0.0

  mutating func observe(_ maps: shim_maps, virtualBytes: UInt64, heapBytes: UInt64) {
    let now = virtualBytes &- min(maps.reserved_bytes, virtualBytes)
    if used > 0 {
      grown = grown * 0.99 + (now > used ? Double(now &- used) : 0)
      allocated = allocated * 0.99 + (heapBytes > heap ? Double(heapBytes &- heap) : 0)
    }
    (used, heap) = (now, heapBytes)
    reserved = Double(maps.reserved_bytes)
    let full = maps.reserved_regions > 0 ? max(1 - Double(maps.least_left) * 0x1p-26, 0) : 0
    kept =
      Double(maps.untouched_regions) * (1 + full) * 0x1p25 + (1 - full) * Double(maps.below_half)
      + full * Double(maps.below_quarter)
  }

  var fillableBytes: UInt64 {
    // Without growth to speak of, it is taken for malloc's.
    let share = min((allocated + 0x1p24) / (grown + 0x1p24), 1)
    return whole(share * max(reserved - kept, 0))
  }
}
