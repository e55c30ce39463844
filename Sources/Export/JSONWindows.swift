// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

extension Report {
  /// The latest past: the process, and the operations that had calls in it.
  func putWindows(_ json: inout JSONWriter) {
    json.key("windows")
    json.object { json in
      for window in windows {
        json.key(window.name)
        json.object { put(window, &$0) }
      }
    }
  }

  private func put(_ window: Window, _ json: inout JSONWriter) {
    json.member("window_ns", .integer(window.operations.nanoseconds))
    json.key("process")
    putObject(window.process, Shape.process, &json)
    putTrends(of: window, &json)
    json.key("operations")
    json.array { json in
      for id in window.operations.totals.indices.dropFirst() {
        let stats = window.operations.statistics(of: UInt32(id), in: profile)
        guard stats.count > 0 else { continue }
        json.object { json in
          json.member("id", .integer(UInt64(id)))
          json.key("name")
          json.string(name(of: UInt32(id)))
          put(stats, Shape.operation, inWindow: true, &json)
        }
      }
    }
  }

  /// How the process's metrics move in the window; those of which it has enough values.
  private func putTrends(of window: Window, _ json: inout JSONWriter) {
    let metrics: [(StaticString, prognos_metric)] = [
      ("operations_per_s", PROGNOS_METRIC_RATE), ("wall_p50_ns", PROGNOS_METRIC_WALL_P50),
      ("wall_p95_ns", PROGNOS_METRIC_WALL_P95), ("error_ratio", PROGNOS_METRIC_ERROR_RATIO),
      ("cpus", PROGNOS_METRIC_CPU), ("rss_bytes", PROGNOS_METRIC_MEMORY),
      ("heap_bytes", PROGNOS_METRIC_HEAP), ("virtual_bytes", PROGNOS_METRIC_VIRTUAL),
      ("open_fds", PROGNOS_METRIC_FDS), ("threads", PROGNOS_METRIC_THREADS),
    ]
    let now = profile.moment.monotonicNanoseconds
    let span = window.operations.nanoseconds
    var room = [Double](repeating: 0, count: TrendHistory.roomCount + Trend.scratchCount)
    json.key("trends")
    json.object { json in
      for (name, metric) in metrics {
        var found: prognos_trend?
        room.withUnsafeMutableBufferPointer { room in
          guard let start = room.baseAddress else { return }
          var history = TrendHistory(room: start)
          history.read(
            metric, ofProcessIn: profile.recording, since: now > span ? now &- span : 0,
            nanosecondsPerTick: profile.moment.nanosecondsPerTick)
          found = history.trend(of: metric, scratch: start + TrendHistory.roomCount)
        }
        guard let trend = found else { continue }
        putObject(name, trend, Shape.trend, &json)
      }
    }
  }

  /// One window alone: whose it is, and the object that a profile has in `windows`.
  package func json(of window: Window) -> Output {
    var json = JSONWriter()
    json.object { json in
      json.member("format", "prognos-window")
      json.member("format_version", .integer(1))
      json.key("library")
      json.object { $0.member("version", libraryVersion) }
      json.member("pid", .integer(UInt64(processID)))
      json.member("command", command)
      putOrigin(&json)
      json.key("rendered_unix_ns")
      json.signed(endUnixNanoseconds)
      json.member("window", window.name)
      put(window, &json)
      putCrashes(&json)
    }
    json.output.put("\n")
    return json.output
  }
}
