// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

/// What the system tells of the process now. Files are opened and closed each time: descriptors are the host's.
struct ProcessProbe {
  private(set) var point = ProcessPoint()
  /// PSI "some avg10": shares of the last 10 s, of the system and of the process's control group.
  private(set) var pressure = Pressures()
  private(set) var groupPressure = Pressures()

  struct Pressures {
    var cpu = 0.0
    var memory = 0.0
    var io = 0.0
  }

  private var limits = LimitProbe()
  private var isOutOfMemory = false
  private var groupReclaimableBytes: UInt64 = 0
  private var diskTotalInodes: UInt64 = 0
  private var groups = ControlGroups()
  /// When costly things are to be read again, on the monotonic clock.
  private var groupsDue: UInt64 = 0
  private var heapDue: UInt64 = 0
  private var diskDue: UInt64 = 0
  private var runQueueDue: UInt64 = 0
  private var runQueueNanoseconds: UInt64 = 0

  /// Reads everything again; groups, disk and a heap that is slow to count less often. Cost: some 40 small files,
  /// 0.2 to 0.5 ms. When there is no memory for reading, all stays as it was.
  mutating func read(hurried: Bool = false) {
    let now = shim_monotonic_ns()
    isOutOfMemory = !shim_has_memory(64 << 10)
    if isOutOfMemory { return }
    readSizes(now)
    readUsage()
    readLimits()
    readPressures()
    if now >= groupsDue {
      groupsDue = now &+ 60_000_000_000
      if let cgroup = ProcText("/proc/self/cgroup"),
        let mounts = ProcText(path: asciiBytes("/proc/self/mountinfo"), capacity: 256 << 10)
      {
        groups = ControlGroups(cgroup: cgroup, mounts: mounts)
      }
    }
    readGroups()
    if now >= diskDue && !hurried {
      diskDue = now &+ 1_000_000_000
      readDisk()
    }
    if now >= runQueueDue {
      // A hundredth of the time at most.
      runQueueNanoseconds = shim_run_queue_ns()
      runQueueDue = now &+ max(200_000_000, (shim_monotonic_ns() &- now) &* 100)
    }
    limits.read(at: now, hurried: hurried, point: point)
    limits.note(throttledNanoseconds: point.throttledNanoseconds, at: now)
  }

  private mutating func readSizes(_ now: UInt64) {
    let page = UInt64(shim_page_bytes())
    if let statm = ProcText("/proc/self/statm") {
      point.virtualBytes = statm.number(0) &* page
      point.rssBytes = statm.number(1) &* page
    }
    // ")" ends the command's name
    point.threads = ProcText("/proc/self/stat")?.after(last: 0x29).number(16) ?? 0
    let descriptors = shim_count_descriptors()
    if descriptors >= 0 { point.openDescriptors = UInt64(descriptors) }
    guard now >= heapDue else { return }
    point.heapBytes = UInt64(shim_heap_in_use())
    // It holds the allocator's locks meanwhile: a thousandth of the time at most.
    heapDue = now &+ (shim_monotonic_ns() &- now) &* 1000
  }

  private mutating func readUsage() {
    var usage = shim_process_usage()
    shim_process_usage_read(&usage)
    point.cpuNanoseconds = shim_process_cpu_ns()
    point.minorFaults = usage.minor_faults
    point.majorFaults = usage.major_faults
    point.voluntarySwitches = usage.voluntary_switches
    point.involuntarySwitches = usage.involuntary_switches
    if let io = ProcText("/proc/self/io") {
      point.readBytes = io.number(0)
      point.writtenBytes = io.number(1)
    }
  }

  private mutating func readLimits() {
    point.descriptorLimit = shim_limit(shim_limit_descriptors)
    point.addressSpaceLimit = shim_limit(shim_limit_address_space)
    point.dataLimit = shim_limit(shim_limit_data)
    point.processLimit = shim_limit(shim_limit_processes)
    point.fileSizeLimit = shim_limit(shim_limit_file_size)
    point.stackLimit = shim_limit(shim_limit_stack)
  }

  private mutating func readDisk() {
    var disk = shim_disk()
    guard shim_disk_read(text("."), &disk) else { return }
    point.diskTotalBytes = disk.total_bytes
    point.diskFreeBytes = disk.free_bytes
    point.diskFreeInodes = disk.free_inodes
    diskTotalInodes = disk.total_inodes
  }

  private mutating func readPressures() {
    let system = asciiBytes("/proc/pressure/")
    (pressure.cpu, point.pressureCPUNanoseconds) = Self.pressure(system + asciiBytes("cpu"))
    (pressure.memory, point.pressureMemoryNanoseconds) = Self.pressure(
      system + asciiBytes("memory"))
    (pressure.io, point.pressureIONanoseconds) = Self.pressure(system + asciiBytes("io"))
    guard groups.unified.exists else { return }
    let group = groups.unified.directory
    (groupPressure.cpu, point.groupPressureCPUNanoseconds) = Self.pressure(
      group + asciiBytes("/cpu.pressure"))
    (groupPressure.memory, point.groupPressureMemoryNanoseconds) = Self.pressure(
      group + asciiBytes("/memory.pressure"))
    (groupPressure.io, point.groupPressureIONanoseconds) = Self.pressure(
      group + asciiBytes("/io.pressure"))
  }

  private static func pressure(_ path: [UInt8]) -> (share: Double, nanoseconds: UInt64) {
    ProcText(path: path).map { pressure($0) } ?? (0, 0)
  }

  /// Of "some avg10=1.23 avg60=... total=456", which is in percent and microseconds.
  static func pressure(_ text: ProcText) -> (share: Double, nanoseconds: UInt64) {
    guard let total = text.number(after: "total="), text.number(after: "avg10=") != nil else {
      return (0, 0)
    }
    let share = Double(text.number(1)) / 100 + Double(text.number(2)) / 10_000
    return (min(share, 1), total &* 1000)
  }

  private mutating func readGroups() {
    let numbers = GroupNumbers(groups) { ProcText(path: $0) }
    point.groupMemoryBytes = numbers.memoryBytes
    point.groupMemoryLimit = numbers.memoryLimit
    groupReclaimableBytes = min(numbers.reclaimableBytes, numbers.memoryBytes)
    point.cpuQuota = numbers.cpuQuota
    point.throttledNanoseconds = numbers.throttledNanoseconds
    point.groupProcesses = numbers.processes
    point.groupProcessLimit = numbers.processLimit
  }

  /// What is used of what can run out, as far as `point` has it.
  var resources: ResourceSample {
    var sample = ResourceSample()
    sample[.addressSpace] = (point.virtualBytes, point.addressSpaceLimit)
    // The kernel gives the cache of files back before it kills.
    sample[.groupMemory] = (
      point.groupMemoryBytes &- groupReclaimableBytes, point.groupMemoryLimit
    )
    sample[.descriptors] = (point.openDescriptors, point.descriptorLimit)
    sample[.groupProcesses] = (point.groupProcesses, point.groupProcessLimit)
    sample[.disk] = (point.diskTotalBytes &- point.diskFreeBytes, point.diskTotalBytes)
    sample[.inodes] = (
      diskTotalInodes &- min(point.diskFreeInodes, diskTotalInodes), diskTotalInodes
    )
    sample[.residentMemory] = (point.rssBytes, 0)
    sample[.heap] = (point.heapBytes, 0)
    sample[.threads] = (point.threads, 0)
    sample.processors = shim_processors()
    sample.runQueueNanoseconds = runQueueNanoseconds
    limits.add(to: &sample, of: point)
    if isOutOfMemory {
      sample[.addressSpace].used = max(point.virtualBytes, point.addressSpaceLimit)
    }
    return sample
  }

  mutating func note(activeOperations: UInt64) { point.activeOperations = activeOperations }
}
