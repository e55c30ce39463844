// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Sessions in a profile: all together, and those whose calls took the most time.
extension Report {
  func putSessions(_ json: inout JSONWriter) {
    let forgotten = sessions?.forgottenStats ?? prognos_session_stats()
    json.key("sessions")
    json.object { json in
      json.member("open", .integer(sessions?.open ?? 0))
      json.member("opened", .integer(sessions?.opened ?? 0))
      json.member("forgotten", .integer(sessions?.forgotten ?? 0))
      json.member("forgotten_count", .integer(forgotten.count))
      json.member("forgotten_failed", .integer(forgotten.failed))
      json.member("forgotten_wall_ns", .integer(forgotten.wall_ns))
      json.member("forgotten_cpu_ns", .integer(forgotten.cpu_ns))
      json.key("most_time")
      json.array { json in
        for handle in sessions?.byTime(most: 100) ?? [] {
          guard let stats = sessions?.stats(handle) else { continue }
          json.object { json in
            json.member("session", .integer(handle))
            put(stats, Shape.session, &json)
          }
        }
      }
    }
  }

  func putSessions(_ output: inout Output, _ style: TextStyle) {
    guard let sessions, sessions.opened > 0 else { return }
    var table = Table([
      .init("SESSION", .left), .init("CALLS"), .init("TOTAL"), .init("CPU"), .init("P50"),
      .init("P95"), .init("P99"), .init("SLOWEST"), .init("CALLS/S"), .init("FAILED"),
    ])
    let most = 10
    for handle in sessions.byTime(most: most) {
      guard let one = sessions.stats(handle) else { continue }
      let hasCalls = one.count > 0
      let active = one.active > 0 ? Array("+".utf8) + style.count(one.active) : []
      table.add([
        style.label(words(of: one.name)) + Array((one.is_open != 0 ? "" : " (closed)").utf8),
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
    putRest(sessions.handles.count - most, " more sessions\n", &output)
    output.put("  ")
    output.put(sessions.open)
    output.put(" open, ")
    output.put(sessions.opened)
    output.put(" opened so far\n")
  }
}
