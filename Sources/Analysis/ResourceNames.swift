// SPDX-License-Identifier: Apache-2.0
import Recording

extension Resource {
  /// What it is called in answers.
  var name: StaticString {
    switch self {
    case .addressSpace: "address space"
    case .data: "data segment"
    case .groupMemory: "cgroup memory"
    case .hostMemory: "host memory"
    case .descriptors: "file descriptors"
    case .userProcesses: "user processes"
    case .groupProcesses: "cgroup pids"
    case .maps: "memory maps"
    case .disk: "disk"
    case .inodes: "inodes"
    case .fileSize: "file size"
    case .cpuSeconds: "CPU seconds"
    case .throttled: "CPU quota"
    case .stack: "stack"
    case .writtenDisk: "written disk"
    case .residentMemory: "resident memory"
    case .heap: "heap"
    case .threads: "threads"
    case .sockets: "sockets"
    }
  }

  /// What sets its limit.
  var limitedBy: StaticString {
    switch self {
    case .addressSpace: "RLIMIT_AS"
    case .data: "RLIMIT_DATA"
    case .groupMemory: "memory.max"
    case .hostMemory: "MemTotal"
    case .descriptors: "RLIMIT_NOFILE"
    case .userProcesses: "RLIMIT_NPROC"
    case .groupProcesses: "pids.max"
    case .maps: "vm.max_map_count"
    case .disk, .writtenDisk: "size of the file system"
    case .inodes: "inodes of the file system"
    case .fileSize: "RLIMIT_FSIZE"
    case .cpuSeconds: "RLIMIT_CPU"
    case .throttled: "cpu.max"
    case .stack: "RLIMIT_STACK"
    case .residentMemory, .heap, .threads, .sockets: ""
    }
  }

  /// What its numbers in a sample are divided by to be in the unit of answers.
  var unit: Double {
    switch self {
    case .cpuSeconds: 1000
    case .throttled: 1e9
    default: 1
    }
  }

  /// Whether it counts bytes.
  var isBytes: Bool {
    switch self {
    case .addressSpace, .data, .groupMemory, .hostMemory, .disk, .fileSize, .stack, .writtenDisk,
      .residentMemory, .heap:
      true
    default: false
    }
  }
}
