// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Prognos

private func procText(_ text: String) -> ProcText { ProcText(Array(text.utf8)[...]) }

/// Files by path.
private struct Tree {
  let files: [String: String]

  func read(_ path: [UInt8]) -> ProcText? {
    files[String(decoding: path, as: UTF8.self)].map(procText)
  }

  func numbers(_ groups: ControlGroups) -> GroupNumbers { GroupNumbers(groups) { read($0) } }
}

private func groups(_ cgroup: String, _ mounts: String) -> ControlGroups {
  ControlGroups(cgroup: procText(cgroup), mounts: procText(mounts))
}

private func directory(_ place: ControlGroups.Place) -> String {
  String(decoding: place.directory, as: UTF8.self)
}

@Suite("Control groups")
struct ControlGroupTests {
  private let version2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"

  @Test("Version 2: the tightest limit on the way up counts, with the use of its own group")
  func unified() {
    let found = groups("0::/system.slice/host.service\n", version2)
    #expect(directory(found.memory) == "/sys/fs/cgroup/system.slice/host.service")
    let root = "/sys/fs/cgroup/system.slice"
    let numbers = Tree(files: [
      root + "/host.service/memory.max": "max\n", root + "/host.service/memory.current": "1000\n",
      root + "/memory.max": "5000000\n", root + "/memory.current": "4000000\n",
      root + "/host.service/cpu.max": "150000 100000\n", root + "/cpu.max": "max 100000\n",
      root + "/host.service/cpu.stat": "usage_usec 17\nnr_throttled 3\nthrottled_usec 250\n",
      root + "/host.service/pids.max": "max\n", root + "/host.service/pids.current": "12\n",
      "/sys/fs/cgroup/memory.max": "9000000\n", "/memory.max": "1\n",
    ]).numbers(found)
    #expect(numbers.memoryLimit == 5_000_000)
    #expect(numbers.memoryBytes == 4_000_000)
    #expect(numbers.cpuQuota == 1_500_000_000)
    #expect(numbers.throttledNanoseconds == 250_000)
    #expect(numbers.processes == 12)
    #expect(numbers.processLimit == 0)
  }

  @Test("Version 1: each controller has a hierarchy, and a number near 2^63 for no limit")
  func version1() {
    let mounts = """
      33 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
      34 23 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
      35 23 0:31 / /sys/fs/cgroup/pids rw shared:9 master:1 - cgroup cgroup rw,pids
      """
    let found = groups("4:memory:/a/b\n3:cpu,cpuacct:/c\n2:pids:/\n0::/\n", mounts)
    #expect(directory(found.memory) == "/sys/fs/cgroup/memory/a/b")
    #expect(directory(found.cpu) == "/sys/fs/cgroup/cpu,cpuacct/c")
    #expect(directory(found.processes) == "/sys/fs/cgroup/pids")
    #expect(!found.unified.exists)
    let memory = "/sys/fs/cgroup/memory"
    let numbers = Tree(files: [
      memory + "/a/b/memory.limit_in_bytes": "9223372036854771712\n",
      memory + "/a/b/memory.usage_in_bytes": "77\n",
      memory + "/a/memory.limit_in_bytes": "1048576\n", memory + "/a/memory.usage_in_bytes": "99\n",
      "/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu,cpuacct/c/cpu.stat": "nr_periods 5\nthrottled_time 4242\n",
      "/sys/fs/cgroup/pids/pids.max": "100\n", "/sys/fs/cgroup/pids/pids.current": "7\n",
    ]).numbers(found)
    #expect(numbers.memoryLimit == 1_048_576)
    #expect(numbers.memoryBytes == 99)
    #expect(numbers.cpuQuota == 500_000_000)
    #expect(numbers.throttledNanoseconds == 4_242)
    #expect(numbers.processLimit == 100)
    #expect(numbers.processes == 7)
  }

  @Test("Some of both: controllers of version 1 where they are, the rest of version 2")
  func hybrid() {
    let mounts = """
      33 23 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
      """
    let found = groups("4:memory:/a\n1:name=systemd:/u\n0::/u\n", mounts)
    #expect(directory(found.memory) == "/sys/fs/cgroup/memory/a")
    #expect(!found.memory.isVersion2)
    #expect(directory(found.processes) == "/sys/fs/cgroup/unified/u")
    #expect(found.processes.isVersion2)
  }

  @Test("In a container: a mount of a subtree, and a group that is not in it")
  func namespaces() {
    let subtree = "29 23 0:26 /docker/1f /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"
    #expect(directory(groups("0::/docker/1f\n", subtree).memory) == "/sys/fs/cgroup")
    #expect(directory(groups("0::/docker/1f/worker\n", subtree).memory) == "/sys/fs/cgroup/worker")
    #expect(directory(groups("0::/docker/1f0\n", subtree).memory) == "/sys/fs/cgroup")
    #expect(directory(groups("0::/../other\n", version2).memory) == "/sys/fs/cgroup")
    #expect(directory(groups("0::/\n", version2).memory) == "/sys/fs/cgroup")
  }

  @Test("Blanks in paths are escaped, and colons are not")
  func escapes() {
    let mounts = "29 23 0:26 / /sys\\040fs/cg\\134x rw - cgroup2 cgroup2 rw\n"
    #expect(directory(groups("0::/a:b c\n", mounts).memory) == "/sys fs/cg\\x/a:b c")
  }

  @Test(
    "What is missing or makes no sense is no limit",
    arguments: [
      ("", ""), ("0::/\n", ""), ("", "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
      ("::::\n0\n:\n", "- - - - - - - - - - -\n\n 1\n"),
      ("0::relative\n", "29 23 0:26 / relative rw - cgroup2 x y\n"),
      ("0::/\u{0}\u{FF}\\\n", "29 23 0:26 \\ \\777\\1 rw - cgroup2 a b\n29 - cgroup2\n"),
    ])
  func hostile(cgroup: String, mounts: String) {
    let numbers = Tree(files: [:]).numbers(groups(cgroup, mounts))
    #expect(numbers.memoryLimit == 0)
    #expect(numbers.cpuQuota == 0)
    #expect(numbers.processLimit == 0)
  }

  @Test("Absurd numbers in the files neither trap nor become limits")
  func absurd() {
    let found = groups("0::/a\n", version2)
    let numbers = Tree(files: [
      "/sys/fs/cgroup/a/memory.max": "99999999999999999999999999\n",
      "/sys/fs/cgroup/a/memory.current": "-5\n",
      "/sys/fs/cgroup/a/cpu.max": "99999999999999999999 0\n",
      "/sys/fs/cgroup/a/cpu.stat": "throttled_usec",
      "/sys/fs/cgroup/a/pids.max": "\n",
    ]).numbers(found)
    #expect(numbers.cpuQuota == 0)
    #expect(numbers.throttledNanoseconds == 0)
    #expect(numbers.processLimit == 0)
  }

  @Test("Pressure is a share, and a total in microseconds")
  func pressure() {
    let text = procText(
      "some avg10=12.50 avg60=1.00 avg300=0.00 total=456\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n"
    )
    #expect(ProcessProbe.pressure(text).share == 0.125)
    #expect(ProcessProbe.pressure(text).nanoseconds == 456_000)
    #expect(ProcessProbe.pressure(procText("some")).share == 0)
    #expect(ProcessProbe.pressure(procText("total=")).nanoseconds == 0)
  }
}
