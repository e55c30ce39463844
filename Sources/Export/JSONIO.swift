// SPDX-License-Identifier: Apache-2.0
import Recording

/// Input and output in JSON.
extension Report {
  func putIO(_ io: IOTotals, as name: StaticString, _ json: inout JSONWriter) {
    json.key(name)
    json.object { json in
      json.key("kinds")
      json.object { json in
        for (kind, word) in ioKinds where io.reads(kind).calls &+ io.writes(kind).calls > 0 {
          let (reads, writes) = (io.reads(kind), io.writes(kind))
          json.key(word)
          putObject(
            (
              reads.calls, reads.bytes, profile.nanoseconds(reads.ticks),
              writes.calls, writes.bytes, profile.nanoseconds(writes.ticks)
            ), Shape.io, &json)
        }
      }
      for (wait, word) in ioWaits {
        json.key(word)
        json.object { json in
          json.member("calls", .integer(io.waits(wait).calls))
          json.member("wait_ns", .integer(profile.nanoseconds(io.waits(wait).ticks)))
        }
      }
      json.member("failed", .integer(io.failed))
      json.member("sequential", .integer(io.sequential))
      json.member("classified", .integer(io.classified))
      json.member("sequential_ratio", .real(io.sequentialRatio))
      json.member("partial_reads", .integer(io.partialReads))
      json.member("durable_writes", .integer(io.durableWrites))
      putSizes("read_sizes", io.readSizes, &json)
      putSizes("write_sizes", io.writeSizes, &json)
    }
  }

  /// The buckets that hold requests: from (included), to (excluded; of the last: what there may be), requests.
  private func putSizes(
    _ name: StaticString, _ count: (Int) -> UInt64, _ json: inout JSONWriter
  ) {
    json.key(name)
    json.array { json in
      for bucket in 0..<IORecord.sizeBuckets where count(bucket) > 0 {
        let isLast = bucket == IORecord.sizeBuckets - 1
        json.array { json in
          json.integer(bucket == 0 ? 0 : 1 << UInt64(bucket - 1))
          json.integer(isLast ? UInt64(Int64.max) : 1 << UInt64(bucket))
          json.integer(count(bucket))
        }
      }
    }
  }
}

/// The kinds and waits by their names in exports.
var ioKinds: [(Int, StaticString)] {
  [
    (IOKind.file, "file"), (IOKind.socket, "socket"), (IOKind.pipe, "pipe"),
    (IOKind.terminal, "terminal"), (IOKind.other, "other"),
  ]
}

private var ioWaits: [(Int, StaticString)] {
  [
    (IORecord.Wait.sync, "syncs"), (IORecord.Wait.open, "opens"),
    (IORecord.Wait.close, "closes"), (IORecord.Wait.connect, "connects"),
    (IORecord.Wait.accept, "accepts"), (IORecord.Wait.poll, "polls"),
    (IORecord.Wait.pause, "pauses"), (IORecord.Wait.lock, "locks"),
    (IORecord.Wait.signal, "signals"),
  ]
}
