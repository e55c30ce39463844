// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Sessions in a profile: all together, and those whose calls took the most time.
extension Report {
  func putSessions(_ json: inout JSONWriter) {
    let fields = sessionFields()
    json.key("sessions")
    json.object { json in
      json.member("open", .integer(sessions.open))
      json.member("opened", .integer(sessions.opened))
      json.member("forgotten", .integer(sessions.forgotten))
      json.member("forgotten_count", .integer(sessions.forgottenCalls))
      json.member("forgotten_failed", .integer(sessions.forgottenFailed))
      json.member("forgotten_wall_ns", .integer(sessions.forgottenWallNanoseconds))
      json.member("forgotten_cpu_ns", .integer(sessions.forgottenCPUNanoseconds))
      json.key("most_time")
      json.array { json in
        for index in sessionsByTime(most: 100) {
          let session = sessions.known[index]
          json.object { json in
            json.member("session", .integer(session.handle))
            json.member("name", sessionName(session.stats))
            put(fields, of: session.stats, &json)
          }
        }
      }
    }
  }

  func putSessions(_ output: inout Output, _ style: TextStyle) {
    guard sessions.opened > 0 else { return }
    var table = Table([
      .init("SESSION", .left), .init("CALLS"), .init("TOTAL"), .init("CPU"), .init("P50"),
      .init("P95"), .init("P99"), .init("SLOWEST"), .init("CALLS/S"), .init("FAILED"),
    ])
    let most = 10
    for index in sessionsByTime(most: most) {
      let one = sessions.known[index].stats
      let hasCalls = one.count > 0
      let active = one.active > 0 ? Array("+".utf8) + style.count(one.active) : []
      table.add([
        style.label(sessionName(one)) + Array((one.is_open != 0 ? "" : " (closed)").utf8),
        style.count(one.count) + active,
        style.duration(one.wall_ns),
        profile.tracksCPU ? style.duration(one.cpu_ns) : style.none,
        style.duration(one.wall_p50_ns, when: hasCalls),
        style.duration(one.wall_p95_ns, when: hasCalls),
        style.duration(one.wall_p99_ns, when: hasCalls),
        style.duration(one.wall_max_ns, when: hasCalls),
        style.rate(one.rate_per_s),
        one.failed > 0 ? style.count(one.failed) : [],
      ])
    }
    output.put("\n")
    table.render(into: &output, style)
    putRest(sessions.known.count - most, " more sessions\n", &output)
    output.put("  ")
    output.put(sessions.open)
    output.put(" open, ")
    output.put(sessions.opened)
    output.put(" opened so far\n")
  }

  private func sessionsByTime(most: Int) -> [Int] {
    let known = sessions.known
    let order = known.indices.sorted {
      let (first, second) = (known[$0].stats.wall_ns, known[$1].stats.wall_ns)
      return first != second ? first > second : $0 < $1
    }
    return Array(order.prefix(most))
  }

  private func sessionName(_ stats: prognos_session_stats) -> [UInt8] {
    validText(withUnsafeBytes(of: stats.name) { bytes in Array(bytes.prefix { $0 != 0 }) })
  }
}
