// SPDX-License-Identifier: Apache-2.0

/// How finely the heap is sampled while little is allocated. With the standard mean of 512 KiB a leak of 80 bytes a
/// call takes 6,500 calls to the first sample. So blocks are sampled by a mean of 4 KiB to begin with, and the mean
/// is doubled until there are no more than 2,000 samples a second in the first 20 seconds, when leaks are to be found
/// soon, and 500 from then on, when samples have added up: these cost a tenth of a percent of a CPU.
/// Each block is weighted by the mean that it was drawn with, so that estimates stay unbiased.
public struct HeapRateHeader: ~Copyable {
  /// How many doublings lead from the fine mean to the one that was asked for; 0: that one always holds.
  public let mostDoublings: Cell32
  /// How many hold now.
  let doublings: Cell32
  /// Samples that were ever taken, and at the begin of the present window, and the time stamp of that.
  let taken: Cell64
  let windowTaken: Cell64
  let windowStart: Cell64
  /// 1 while a thread changes the rate.
  let isChanging: Cell32
  /// 1 while small blocks are those of pools within the host language's own arenas: cheap, and made without asking.
  public let hasPools: Cell32
}

extension Recording {
  /// What is sampled before anything is looked at: 32 MiB of allocations or more, some 20 ms in all.
  private static var freeSamples: UInt64 { 8192 }
  private static var window: UInt64 { 256 }
  /// The most samples a second, this many seconds after the recording began.
  private static func samplesPerSecond(age: Double) -> UInt64 { age < 20 ? 2000 : 500 }

  /// Sets the mean distance of samples; if it is to be fine to begin with, in so many doublings down to 4 KiB.
  public func setHeapMean(_ bytes: UInt64, isAdaptive: Bool) {
    let doublings: UInt64 = isAdaptive ? 7 : 0
    header.pointee.heapSampleBytes.set(max(bytes >> doublings, 1))
    header.pointee.heapRate.mostDoublings.set(UInt32(doublings))
    // A process that starts and stops again and again does not begin finely each time.
    if !isAdaptive { forgetHeapRate() }
  }

  /// The doublings that the next sample is to be drawn with.
  public var heapDoublings: UInt32 {
    max(header.pointee.heapSampleDoublings.value, header.pointee.heapRate.doublings.value)
  }

  /// The same of what no operation allocates, 16 times as coarse as long as that is finer than what was asked for:
  /// programs that load and set up must not fill the table.
  public func heapDoublingsOutside(_ doublings: UInt32) -> UInt32 {
    max(min(doublings &+ 4, header.pointee.heapRate.mostDoublings.value), doublings)
  }

  /// Counts a sample, and now and then sees whether they are too many. By any thread.
  public func noteHeapSample(at ticks: UInt64, ticksPerSecond: () -> Double) {
    let header = header
    let most = header.pointee.heapRate.mostDoublings.value
    if most == 0 { return }
    header.pointee.heapRate.taken.addShared(1)
    let taken = header.pointee.heapRate.taken.value
    guard taken >= Self.freeSamples,
      taken &- header.pointee.heapRate.windowTaken.value >= Self.window,
      header.pointee.heapRate.isChanging.exchange(0, for: 1)
    else { return }
    let since = header.pointee.heapRate.windowStart.value
    header.pointee.heapRate.windowStart.set(ticks)
    header.pointee.heapRate.windowTaken.set(taken)
    var doublings = header.pointee.heapRate.doublings.value
    let rate = max(ticksPerSecond(), 1)
    let elapsed = Double(ticks &- since) / rate
    let age = Double(ticks &- header.pointee.startTicks.value) / rate
    var wanted = Double(Self.window) / Double(Self.samplesPerSecond(age: age))
    // The first window began at 0.
    while since != 0, elapsed < wanted, doublings < most {
      doublings &+= 1
      wanted /= 2
    }
    header.pointee.heapRate.doublings.set(doublings)
    header.pointee.heapRate.isChanging.publish(0)
  }

  /// Samples finely again where little is allocated. By the collector, once a second.
  public func relaxHeapRate(at monotonicNanoseconds: UInt64) {
    let header = header
    let doublings = header.pointee.heapRate.doublings.value
    guard doublings > 0, header.pointee.heapRate.isChanging.exchange(0, for: 1) else { return }
    let taken = header.pointee.heapRate.taken.value
    let age = Double(monotonicNanoseconds &- header.pointee.startMonotonic.value) * 1e-9
    if taken &- header.pointee.heapRate.windowTaken.value < Self.samplesPerSecond(age: age) / 4 {
      header.pointee.heapRate.doublings.set(doublings &- 1)
    }
    header.pointee.heapRate.windowTaken.set(taken)
    header.pointee.heapRate.windowStart.set(0)
    header.pointee.heapRate.isChanging.publish(0)
  }

  func forgetHeapRate() {
    header.pointee.heapRate.doublings.set(0)
    header.pointee.heapRate.taken.set(0)
    header.pointee.heapRate.windowTaken.set(0)
    header.pointee.heapRate.windowStart.set(0)
    header.pointee.heapRate.isChanging.set(0)
  }
}
