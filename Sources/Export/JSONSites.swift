// SPDX-License-Identifier: Apache-2.0
import Recording

/// Call sites in JSON: what was sampled, by operation and call stack.
extension Report {
  func putOutsideMemory(_ json: inout JSONWriter) {
    let memory = profile.outsideMemory
    json.key("outside_memory")
    json.object { json in
      json.member("allocated_bytes", .integer(memory.allocatedBytes))
      json.member("allocations", .integer(memory.allocations))
      json.member("freed_bytes", .integer(memory.freedBytes))
      json.member("frees", .integer(memory.frees))
      json.member("live_bytes", .integer(whole(memory.liveBytes)))
    }
  }

  func putModules(_ json: inout JSONWriter) {
    json.key("modules")
    json.array { json in
      guard profile.recording.moduleCount > 0 else { return }
      for number in 1...profile.recording.moduleCount {
        json.object { json in
          json.member("id", .integer(UInt64(number)))
          json.key("path")
          json.string(path(ofModule: number))
          json.key("build_id")
          json.string(buildID(ofModule: number))
        }
      }
    }
  }

  func putFrames(_ json: inout JSONWriter) {
    json.key("frames")
    json.array { json in
      for frame in frames.frames {
        json.object { json in
          json.member("module", .integer(UInt64(frame.module)))
          json.member("address", .integer(frame.address))
          json.key("function")
          json.string(frame.function)
          json.member("offset", .integer(frame.offset))
          if !frame.file.isEmpty {
            json.key("file")
            json.string(frame.file)
            json.member("line", .integer(UInt64(frame.line)))
          }
        }
      }
    }
  }

  /// - Parameter positions: of the profile's paths in the JSON call tree.
  func putCallSites(_ positions: [Int?], _ json: inout JSONWriter) {
    json.key("call_sites")
    json.array { json in
      for site in profile.sites {
        json.object { json in
          json.key("path")
          if let path = site.path, let position = positions[path] {
            json.integer(UInt64(position))
          } else {
            json.null()
          }
          json.key("stack")
          json.array { json in
            for frame in frames(ofStack: site.stack) { json.integer(UInt64(frame)) }
          }
          for field in siteFields() { json.member(field.name, field.value(site, profile)) }
        }
      }
    }
  }
}

/// The numbers of a call site, in the order of the JSON profile.
private func siteFields() -> [(name: StaticString, value: (SiteTotals, Profile) -> FieldValue)] {
  [
    ("cpu_ns", { site, _ in .integer(site.cpuNanoseconds) }),
    ("cpu_samples", { site, _ in .integer(site.cpuSamples) }),
    ("wait_ns", { site, _ in .integer(site.waitNanoseconds) }),
    ("waits", { site, _ in .integer(site.waits) }),
    ("slow_calls", { site, _ in .integer(site.slowCalls) }),
    ("slow_wall_ns", { site, profile in .integer(profile.nanoseconds(site.slowTicks)) }),
    ("allocated_bytes", { site, _ in .integer(site.memory.allocatedBytes) }),
    ("allocations", { site, _ in .integer(site.memory.allocations) }),
    ("live_bytes", { site, _ in .integer(whole(site.memory.liveBytes)) }),
    ("live_blocks", { site, _ in .integer(whole(site.memory.liveBlocks)) }),
  ]
}
