// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Analysis
@testable import Recording

/// Healthy life with habits that look like faults, a second at a time: twenty minutes, or PROGNOS_HEALTHY_SECONDS.
@Suite("Health of what only looks ill")
struct HealthLookAlikeTests {
  @Test(
    "However long, it is never below 80",
    arguments: [
      "idle", "warm-up", "cache", "sawtooth", "batch", "steps", "burst", "busy", "rare", "day",
      "failing as usual", "bimodal",
    ])
  func life(_ habit: String) throws {
    let host = try HealthHost(operations: 3)
    host.point.cpuQuota = 2_000_000_000
    let seconds = getenv("PROGNOS_HEALTHY_SECONDS").map { Int(atoi($0)) } ?? 1_200
    for second in 0..<seconds {
      live(habit, second, host)
      host.tick()
      guard host.lowest >= 80 else { break }
    }
    #expect(host.lowest >= 80, "\(habit): \(host.lowest) \(host.lowestReason)")
  }

  private func live(_ habit: String, _ second: Int, _ host: HealthHost) {
    let phase = Double(second)
    host.sample[.addressSpace] = (400, 1000)
    host.sample[.descriptors] = (40, 1024)
    host.sample[.disk] = (70, 100)
    switch habit {
    case "idle":
      if second % 600 == 3 { host.calls(0, 1, milliseconds: 3) }
    case "warm-up":
      // Caches and code are cold to begin with.
      host.calls(0, 8, milliseconds: 3 * (1 + 6 * exp(-phase / 20)))
      host.sample[.addressSpace] = (UInt64(600 * (1 - exp(-phase / 300))), 1000)
    case "cache":
      host.calls(0, 8, milliseconds: 3 * (0.4 + 0.6 * exp(-phase / 1000)))
      host.sample[.addressSpace] = (UInt64(min(200 + phase / 10, 780)), 1000)
    case "sawtooth":
      host.calls(0, 8, milliseconds: 3)
      host.sample[.addressSpace] = (
        UInt64(200 + 580 * (phase / 97 - (phase / 97).rounded(.down))), 1000
      )
    case "batch":
      host.calls(0, 8, milliseconds: second % 300 < 10 ? 4 : 3)
      if second % 300 == 10 { host.calls(1, 1, milliseconds: 9_000) }
      host.point.cpuNanoseconds += second % 300 < 10 ? 1_500_000_000 : 0
    case "steps":
      let level = second / 7_200
      host.calls(0, 4 + 4 * level, milliseconds: 3 * (1 + 0.12 * Double(level)))
      host.sample[.addressSpace] = (UInt64(300 + 120 * level), 1000)
      host.sample[.descriptors] = (UInt64(100 + 200 * level), 1024)
    case "burst":
      let isBurst = second % 1_800 > 1_700
      host.calls(0, isBurst ? 40 : 4, milliseconds: isBurst ? 3.6 : 3)
      host.calls(1, 2, milliseconds: 8)
    case "busy":
      host.calls(0, 16, milliseconds: 60)
      host.point.cpuNanoseconds += 1_780_000_000
      host.point.groupPressureCPUNanoseconds += 900_000_000
    case "rare":
      // Three calls a minute, each of its own length, and now and then one that fails.
      if second % 20 == 7 {
        host.calls(0, 1, milliseconds: 30, spread: 0.8)
        if second % 2_000 == 7 { host.call(0, milliseconds: 30, failed: true) }
      }
    case "day":
      // A day's rhythm, and noise that lasts.
      let load = 1 + 0.5 * sin(phase / 2_000)
      let wave = exp(0.12 * sin(phase / 37) + 0.08 * sin(phase / 11))
      host.calls(0, Int(8 * load), milliseconds: 3 * wave)
    case "failing as usual":
      host.calls(0, 8, milliseconds: 3, failing: 0.3)
      host.calls(1, 8, milliseconds: 1)
    default:
      // One in ten takes twenty times as long.
      for _ in 0..<8 {
        host.calls(0, 1, milliseconds: host.random.unit() < 0.1 ? 60 : 3)
      }
    }
  }
}
