// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis
@testable import Recording

@Suite("Bottlenecks: what is won if an operation gets faster")
struct BottleneckTests {
  private func answer(
    _ name: String, _ answers: [(name: String, answer: prognos_bottleneck)]
  ) throws -> prognos_bottleneck {
    try #require(answers.first { $0.name == name }?.answer)
  }

  @Test("In one thread gains are Amdahl's")
  func amdahl() throws {
    let host = BottleneckHost()
    let thread = host.thread()
    host.calls("request/parse", 2000, cpu: 3, on: thread)
    host.calls("request/send", 2000, sleep: 2, on: thread)
    host.calls("request", 2000, on: thread)
    let answers = host.assess()
    #expect(answers.map(\.name).prefix(2) == ["parse", "send"])
    let parse = try answer("parse", answers)
    #expect(abs(parse.share - 0.6) < 1e-6)
    #expect(abs(parse.gain_ratio_50 - (1 / 0.7 - 1)) < 1e-6)
    #expect(abs(parse.gain_ratio_10 - (1 / 0.94 - 1)) < 1e-6)
    #expect(abs(parse.gain_ratio_100 - 1.5) < 1e-6)
    #expect(parse.boundByText == "cpu")
    #expect(try answer("send", answers).boundByText == "io")
    #expect(parse.progress == host.operation("request"))
    #expect(parse.methodText == "model")
    #expect(parse.reasonText.contains("60 % of the work of 1 thread"))
  }

  @Test("What runs beside the path is worth nothing, however hot it is")
  func offPath() throws {
    let host = BottleneckHost()
    let (request, other) = (host.thread(), host.thread())
    host.calls("request/fetch", 5000, sleep: 1.5, on: request)
    host.calls("request/parse", 5000, cpu: 0.5, on: request)
    host.calls("request", 5000, on: request)
    host.calls("compact", 1000, cpu: 9.9, on: other)
    let answers = host.assess()
    #expect(answers.first?.name == "fetch")
    #expect(try answer("compact", answers).gain_ratio_50 < 0.001)
    #expect(try answer("compact", answers).reasonText.contains("beside what request waits for"))
  }

  @Test("The slowest of two stages limits, until it is as fast as the other")
  func stages() throws {
    let host = BottleneckHost()
    let (reader, worker) = (host.thread(), host.thread())
    host.calls("read", 10000, sleep: 1, on: reader)
    host.calls("hash", 10000, cpu: 0.7, on: worker)
    host.waitsOutside(signal: 3000, on: worker)
    let answers = host.assess()
    #expect(answers.first?.name == "read")
    let read = try answer("read", answers)
    #expect(abs(read.gain_ratio_10 - 0.111) < 0.01)
    #expect(abs(read.gain_ratio_50 - 0.43) < 0.03)
    #expect(try answer("hash", answers).gain_ratio_50 < 0.01)
  }

  @Test("Short work inside a lock limits more than long work outside of it")
  func lock() throws {
    let host = BottleneckHost()
    // Four threads, 90 % of the time somebody has the lock.
    for _ in 0..<4 {
      let thread = host.thread()
      host.calls("request/prepare", 3200, sleep: 1.7, on: thread)
      host.calls("request/commit", 3200, sleep: 0.7, on: thread)
      host.calls("request", 3200, lock: 0.72, on: thread)
    }
    host.wait(of: "request", for: "commit", milliseconds: 9000)
    let answers = host.assess()
    #expect(answers.first?.name == "commit")
    let commit = try answer("commit", answers)
    #expect(commit.gain_ratio_50 > 0.3 && commit.gain_ratio_50 < 0.6)
    #expect(commit.reasonText.contains("holds a lock"))
    #expect(try answer("prepare", answers).gain_ratio_50 < 0.2)
    #expect(try answer("request", answers).boundByText == "lock")
  }

  @Test("Who holds the lock may be nowhere on the path")
  func holderElsewhere() throws {
    let host = BottleneckHost()
    let (other, request) = (host.thread(), host.thread())
    host.calls("compact", 4000, sleep: 2, on: other)
    host.calls("request/parse", 4000, cpu: 0.5, on: request)
    host.calls("request", 4000, lock: 1.9, on: request)
    host.wait(of: "request", for: "compact", milliseconds: 7600)
    let answers = host.assess()
    #expect(answers.first?.name == "compact")
  }

  @Test("As many as may are in the pool")
  func pool() throws {
    let host = BottleneckHost()
    for _ in 0..<6 {
      let thread = host.thread()
      host.calls("request/query", 2000, sleep: 1.6, on: thread)
      host.calls("request/render", 2000, cpu: 0.3, on: thread)
      host.calls("request", 2000, signal: 3, on: thread)
    }
    let answers = host.assess()
    #expect(answers.first?.name == "query")
    #expect(try answer("query", answers).reasonText.contains("2 threads at a time"))
  }

  @Test("When the CPUs are full, what takes them limits")
  func cpus() throws {
    let host = BottleneckHost(cpus: 2)
    for _ in 0..<8 {
      let thread = host.thread()
      host.calls("request/render", 3000, cpu: 0.8, on: thread)
      // Of it 1 ms asleep, and the rest ready.
      host.calls("request/fetch", 3000, sleep: 2.5, on: thread)
      host.calls("request", 3000, on: thread)
    }
    let render = try answer("render", host.assess())
    #expect(render.share > 0.6)
  }

  @Test("What an experiment measured takes the place of the model; where they differ, it says so")
  func experiment() throws {
    let host = BottleneckHost()
    let thread = host.thread()
    host.calls("request/parse", 2000, cpu: 3, on: thread)
    host.calls("request/send", 2000, sleep: 2, on: thread)
    host.calls("request", 2000, on: thread)
    for _ in 0..<4 {
      host.round(nil, rate: 200, progress: "request")
      for percent: UInt16 in [25, 50, 100] {
        host.round("parse", percent: percent, rate: 200, progress: "request")
        host.round(nil, rate: 200, progress: "request")
        host.round("send", percent: percent, rate: 300, progress: "request")
      }
    }
    let answers = host.assess()
    #expect(answers.first?.name == "send")
    let send = try answer("send", answers)
    #expect(send.methodText == "experiment")
    #expect(abs(send.gain_ratio_50 - 0.5) < 0.02)
    #expect(try answer("parse", answers).reasonText.contains("would have said"))
  }

  @Test("Too little, and nothing, is no answer")
  func nothing() {
    let host = BottleneckHost()
    #expect(host.assess().isEmpty)
    #expect(host.assess(after: 0.01).isEmpty)
  }

  @Test("After a change the answers are of the last minute")
  func window() throws {
    let host = BottleneckHost()
    let thread = host.thread()
    host.calls("request/old", 3000, cpu: 10, on: thread)
    host.calls("request/new", 3000, cpu: 0.1, on: thread)
    host.calls("request", 3000, on: thread)
    #expect(host.assess(after: 31).first?.name == "old")
    #expect(host.assess(after: 62).first?.name == "old")
    host.calls("request/new", 3000, cpu: 10, on: thread)
    host.calls("request", 3000, on: thread)
    #expect(host.assess(after: 95).first?.name == "new")
  }
}
