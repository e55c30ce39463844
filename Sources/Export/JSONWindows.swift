// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

extension Report {
  /// The latest past: the process, and the operations that had calls in it.
  func putWindows(_ json: inout JSONWriter) {
    let fields = windowFields()
    json.key("windows")
    json.object { json in
      for window in windows {
        json.key(window.name)
        json.object { put(window, fields, &$0) }
      }
    }
  }

  private func put(
    _ window: Window, _ fields: [Field<prognos_op_stats>], _ json: inout JSONWriter
  ) {
    json.member("window_ns", .integer(window.operations.nanoseconds))
    json.key("process")
    json.object { put(processFields(), of: window.process, &$0) }
    json.key("operations")
    json.array { json in
      for id in window.operations.totals.indices.dropFirst() {
        let stats = window.operations.statistics(of: UInt32(id), in: profile)
        guard stats.count > 0 else { continue }
        json.object { json in
          json.member("id", .integer(UInt64(id)))
          json.key("name")
          json.string(name(of: UInt32(id)))
          put(fields, of: stats, &json)
        }
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
      put(window, windowFields(), &json)
      putCrashes(&json)
    }
    json.output.put("\n")
    return json.output
  }
}

/// What a window tells of an operation.
private func windowFields() -> [Field<prognos_op_stats>] {
  operationFields().filter { $0.inWindows }
}
