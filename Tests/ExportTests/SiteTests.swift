// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Foundation
import Testing

@testable import Export
@testable import Recording

@Suite("Memory and call sites in a profile")
struct SiteTests {
  /// Two operations; "parse" runs in `spin` for 30 ms called from `work`, waits 10 ms in `work`, and keeps a MiB.
  private static func sample() -> (Sample, FrameNames) {
    let sample = Sample()
    let recording = sample.recording
    let (serve, parse) = (sample.operation("serve"), sample.operation("parse"))
    let lane = sample.lane()
    sample.finish([serve], ticks: 100_000_000, on: lane)
    sample.finish([serve, parse], ticks: 60_000_000, on: lane)
    #expect(recording.prepareStackZones(stackBytes: 64 << 10))
    #expect(recording.prepareSites())
    #expect(recording.prepareHeapSamples())
    recording.header.pointee.heapSampleBytes.set(1)
    var names = FrameNames()
    func frame(_ address: UInt64, _ function: String) -> UInt64 {
      let code = FrameCode.make(module: 0, address: address)
      names.add(
        code, FrameName(module: 0, address: address, function: Array(function.utf8), offset: 0))
      return code
    }
    let (main, work, spin) = (frame(0x10, "main"), frame(0x20, "work"), frame(0x30, "spin;x"))
    let node = sample.node([serve, parse], on: lane)
    node.pointee.memory.allocatedBytes.set(3 << 20)
    node.pointee.memory.allocations.set(3)
    node.pointee.memory.freedBytes.set(2 << 20)
    node.pointee.memory.frees.set(2)
    let offset = recording.offset(of: node)
    func site(_ frames: [UInt64]) -> UnsafeMutablePointer<Site> {
      let stack = frames.withUnsafeBufferPointer { recording.intern($0.baseAddress!, $0.count)! }
      return recording.at(recording.site(node: offset, stack: stack)!)
    }
    let busy = site([spin, work, main])
    busy.pointee.cpuNanoseconds.set(30_000_000)
    busy.pointee.cpuSamples.set(3)
    let waiting = site([work, main])
    waiting.pointee.waitNanoseconds.set(10_000_000)
    waiting.pointee.waits.set(1)
    waiting.pointee.slowCalls.set(1)
    waiting.pointee.slowTicks.set(60_000_000)
    let block = HeapBlock(
      bytes: 1 << 20, node: offset, site: recording.offset(of: waiting), doublings: 0)
    #expect(recording.keepSample(address: 0x7000, block))
    return (sample, names)
  }

  private let sample: Sample
  private let report: Report

  init() {
    let (sample, names) = Self.sample()
    self.sample = sample  // the report reads it
    report = sample.report(frames: names)
  }

  @Test("The functions that an operation's time went to are named with who called them")
  func functions() {
    let text = string(report.text(unicode: false))
    #expect(
      text.contains(
        """
        WHERE THE TIME GOES  FUNCTION  SHARE               ON CPU  WAITING  CALLED FROM
        parse                spin;x    ########   75.0 %  30.0 ms        -  work
                             work      ###        25.0 %        -  10.0 ms  main

        """))
    #expect(text.contains("  most CPU time: parse, 60.0 ms; 100 % of it in spin;x\n"))
  }

  @Test("Memory is listed by operation, with what is still live")
  func memory() {
    let text = string(report.text(unicode: false))
    #expect(
      text.contains(
        """
        BY MEMORY  ALLOCATED  SHARE              BLOCKS      MEAN     FREED  LIVE, ABOUT
        parse       3.00 MiB  ##########  100 %       3  1.00 MiB  2.00 MiB     1.00 MiB

        """))
    #expect(text.contains("  allocates most: parse, 3.00 MiB in 3 blocks\n"))
    #expect(text.contains("  holds most memory: parse, about 1.00 MiB are not freed\n"))
  }

  @Test("Folded stacks divide a path's self time among its stacks, and add up to it")
  func folded() {
    let lines = string(report.folded()).split(separator: "\n").map(String.init).sorted()
    #expect(
      lines == [
        "serve 40000000", "serve;parse 20000000", "serve;parse;main;work 10000000",
        "serve;parse;main;work;spin,x 30000000",
      ])
  }

  @Test("JSON has each frame once, and sites that point to paths and frames")
  func json() throws {
    let text = string(report.json())
    let found = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    let frames = try #require(found["frames"] as? [[String: Any]])
    #expect(frames.map { $0["function"] as? String } == ["main", "work", "spin;x"])
    let tree = try #require(found["call_tree"] as? [[String: Any]])
    #expect(tree.map { $0["name"] as? String } == ["serve", "parse"])
    // What a caller's callees allocate is the caller's, too.
    #expect(tree.map { $0["allocated_bytes"] as? Int } == [3 << 20, 3 << 20])
    #expect(tree.map { $0["self_allocated_bytes"] as? Int } == [0, 3 << 20])
    let sites = try #require(found["call_sites"] as? [[String: Any]])
    let busy = try #require(sites.first { $0["cpu_samples"] as? Int == 3 })
    #expect(busy["path"] as? Int == 1)
    #expect(busy["stack"] as? [Int] == [2, 1, 0])
    let waiting = try #require(sites.first { $0["waits"] as? Int == 1 })
    #expect(waiting["slow_calls"] as? Int == 1)
    #expect(waiting["slow_wall_ns"] as? Int == 60_000_000)
    #expect(waiting["live_bytes"] as? Int == 1 << 20)
    #expect(waiting["live_blocks"] as? Int == 1)
  }
}
