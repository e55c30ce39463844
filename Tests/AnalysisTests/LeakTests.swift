// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis
@testable import Recording

@Suite("Leaks, and what only looks like one")
struct LeakTests {
  @Test("What each call loses is a leak of that operation, by its bytes a call")
  func leak() throws {
    let host = LeakHost()
    let (leaky, clean) = (try host.operation("leaky"), try host.operation("clean"))
    for _ in 0..<200 {
      host.call(leaky) { _ = host.allocate(80, in: leaky, held: false) }
      host.call(clean) { host.free(host.allocate(5000, in: clean, held: true), in: clean) }
    }
    let answers = host.assess()
    #expect(answers.count == 1)
    let leak = try #require(answers.first)
    #expect(leak.is_leak == 1)
    #expect(leak.op == host.operationID(of: leaky))
    #expect(leak.kind == PROGNOS_LEAK_MEMORY.rawValue)
    #expect(leak.bytes_per_call == 80)
    #expect(leak.score > 0.9)
    #expect(leak.resourceText == "memory")
    #expect(leak.reasonText.contains("200 calls, 80 B each: nothing in memory refers to"))
  }

  @Test(
    "Blocks to look for are drawn whatever their distances", arguments: [32, 48, 96, 144, 1008])
  func equalDistances(distance: UInt64) throws {
    let host = LeakHost()
    let leaky = try host.operation("leaky")
    for _ in 0..<400 {
      host.call(leaky) { _ = host.allocate(distance - 16, in: leaky, held: false) }
    }
    #expect(host.assess().map(\.is_leak) == [1])
  }

  @Test("A cache that fills is none, and is said to be none; one that is full is not mentioned")
  func cache() throws {
    let host = LeakHost()
    let cache = try host.operation("cache")
    var kept: [UInt64] = []
    func put() {
      host.call(cache) {
        kept.append(host.allocate(2000, in: cache, held: true))
        if kept.count > 1000 { host.free(kept.removeFirst(), in: cache) }
      }
    }
    for _ in 0..<900 { put() }
    let filling = host.assess()
    #expect(filling.map(\.is_leak) == [0])
    #expect(filling.allSatisfy { $0.reasonText.contains("none so far") && $0.score <= 0.5 })
    for _ in 0..<5000 { put() }
    #expect(host.assess().isEmpty)
  }

  @Test("What a warm-up loses, and no later call, is none; nor is what one call loses")
  func warmUp() throws {
    let host = LeakHost()
    let (warm, once) = (try host.operation("warm"), try host.operation("once"))
    for call in 0..<1000 {
      host.call(warm) { if call < 100 { _ = host.allocate(300, in: warm, held: false) } }
      host.call(once) {
        if call == 700 { for _ in 0..<100 { _ = host.allocate(300, in: once, held: false) } }
      }
    }
    #expect(host.assess().allSatisfy { $0.is_leak == 0 })
  }

  @Test("A list that is dropped now and then is none, at any moment of its tooth")
  func sawtooth() throws {
    let host = LeakHost()
    let batch = try host.operation("batch")
    var list: [UInt64] = []
    for call in 1...2000 {
      host.call(batch) {
        list.append(host.allocate(1000, in: batch, held: true))
        if list.count == 300 {
          for block in list { host.free(block, in: batch) }
          list = []
        }
      }
      if call % 130 == 0 { #expect(host.assess().allSatisfy { $0.is_leak == 0 }) }
    }
  }

  @Test("What one operation allocates and another one frees leaks in neither")
  func handedOver() throws {
    let host = LeakHost()
    let (producer, consumer) = (try host.operation("producer"), try host.operation("consumer"))
    var queue: [UInt64] = []
    for call in 0..<1000 {
      host.call(producer) { queue.append(host.allocate(700, in: producer, held: true)) }
      if call % 20 == 19 {
        host.call(consumer) {
          for block in queue { host.free(block, in: consumer) }
          queue = []
        }
      }
    }
    #expect(host.assess().isEmpty)
  }

  @Test("A pool that ramps up and stops is none")
  func pool() throws {
    let host = LeakHost()
    let pool = try host.operation("pool")
    for call in 0..<2000 {
      host.call(pool) {
        if call % 10 == 0 && call < 400 { _ = host.allocate(65_536, in: pool, held: true) }
      }
      if call % 300 == 299 { #expect(host.assess().allSatisfy { $0.is_leak == 0 }) }
    }
    #expect(host.assess().isEmpty)
  }

  @Test("What is held is a leak only when it is much, and has grown for long")
  func heldForLong() throws {
    let host = LeakHost()
    let list = try host.operation("list")
    for _ in 0..<2000 {
      host.call(list) { _ = host.allocate(20_000, in: list, held: true) }
    }
    #expect(host.assess().map(\.is_leak) == [0])
    host.pass(seconds: 700)
    #expect(host.assess().map(\.is_leak) == [1])
  }

  @Test("Leaks that begin late are found, and a leak among much that is held")
  func lateAndAmongOthers() throws {
    let host = LeakHost()
    let (late, mixed) = (try host.operation("late"), try host.operation("mixed"))
    for call in 0..<4000 {
      host.call(late) { if call >= 3700 { _ = host.allocate(100, in: late, held: false) } }
      host.call(mixed) { _ = host.allocate(100, in: mixed, held: call % 4 != 0) }
    }
    let leaks = host.assess().filter { $0.is_leak == 1 }
    #expect(Set(leaks.map(\.op)) == [host.operationID(of: late), host.operationID(of: mixed)])
  }

  @Test("Descriptors that calls of all ages left open are a leak; those of a pool are not")
  func descriptors() throws {
    let host = LeakHost()
    let (leaky, pool) = (try host.operation("leaky"), try host.operation("pool"))
    host.sample[.descriptors] = (200, 1024)
    for call in 0..<1000 {
      host.call(leaky) { if call % 10 == 0 { host.open(Int32(10 + call / 10), in: leaky) } }
      host.call(pool) { if call < 80 { host.open(Int32(200 + call), in: pool) } }
    }
    let answers = host.assess()
    #expect(answers.map(\.op) == [host.operationID(of: leaky)])
    #expect(answers.map(\.kind) == [PROGNOS_LEAK_DESCRIPTORS.rawValue])
    #expect(answers.map(\.is_leak) == [1])
    #expect(answers.map(\.live_bytes) == [100])
  }

  @Test("Threads that rise without end are a leak, of the operation that starts them")
  func threads() throws {
    let host = LeakHost()
    let leaky = try host.operation("leaky")
    for step in 0..<40 {
      host.call(leaky)
      host.sample[.threads] = (UInt64(4 + 2 * step), 0)
      _ = host.assess()
    }
    let answers = host.assess()
    #expect(answers.map(\.kind) == [PROGNOS_LEAK_THREADS.rawValue])
    #expect(answers.map(\.is_leak) == [1])
    for step in 0..<60 {
      host.sample[.threads] = (UInt64(84 + step % 2), 0)
      _ = host.assess()
    }
    #expect(host.assess().allSatisfy { $0.is_leak == 0 })
  }

  @Test("With too little to see, and with nonsense in the tables, nothing is said")
  func littleAndNonsense() throws {
    let host = LeakHost()
    let young = try host.operation("young")
    for _ in 0..<10 { host.call(young) { _ = host.allocate(1000, in: young, held: false) } }
    #expect(host.assess().isEmpty)
    for index in 0..<200 {
      var block = HeapBlock(
        bytes: index % 2 == 0 ? .max : 0, node: UInt32(index) * 64, site: UInt32(index) * 8,
        doublings: UInt32(index), generation: .max - UInt32(index))
      block.marks.unreferenced = 3
      block.marks.examined = 3
      _ = host.recording.keepSample(address: UInt64(0x7000_0000 + index * 64), block)
    }
    #expect(host.assess().allSatisfy { $0.is_leak == 0 })
  }
}
