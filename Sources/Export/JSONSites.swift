// SPDX-License-Identifier: Apache-2.0
import Recording

/// Call sites in JSON: what was sampled, by operation and call stack.
extension Report {
  func putOutsideMemory(_ json: inout JSONWriter) {
    let memory = profile.outsideMemory
    json.key("outside_memory")
    putObject(
      (
        memory.allocatedBytes, memory.allocations, memory.freedBytes, memory.frees,
        whole(memory.liveBytes)
      ), Shape.outsideMemory, &json)
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
          put(
            (
              site.cpuNanoseconds, site.cpuSamples, site.waitNanoseconds, site.waits,
              site.slowCalls, profile.nanoseconds(site.slowTicks), site.memory.allocatedBytes,
              site.memory.allocations, whole(site.memory.liveBytes), whole(site.memory.liveBlocks)
            ), Shape.site, &json)
        }
      }
    }
  }
}
