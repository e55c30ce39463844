// SPDX-License-Identifier: Apache-2.0
import CShim
import Fixtures
import Foundation
import Recording
import Testing

@testable import Capture

extension WalkTests {
  @Suite("What is loaded")
  struct Modules {
    private var paths: [String] {
      (1..<Walks.prepared.moduleCount + 1).map {
        String(cString: Walks.prepared.path(ofModule: $0))
      }
    }

    private func number(ofPath ending: String) -> UInt32? {
      paths.firstIndex { $0.hasSuffix(ending) }.map { UInt32($0) + 1 }
    }

    @Test("The program, the C library and the kernel's code are known by their paths")
    func known() throws {
      #expect(paths.contains { $0.hasSuffix("/libc.so.6") })
      #expect(paths.contains("[vdso]"))
      #expect(paths.contains { $0.hasPrefix("/") && $0.contains("xctest") })
      #expect(Set(paths).count == paths.count)
      let libc = try #require(number(ofPath: "/libc.so.6"))
      #expect(Walks.prepared.module(libc).pointee.buildIDBytes.value == 20)
      #expect(Walks.prepared.module(libc).pointee.frameHeader.value != 0)
    }

    @Test("A refresh without news changes nothing")
    func unchanged() {
      let before = paths
      for _ in 0..<100 { refreshModules(in: Walks.prepared) }
      #expect(paths == before)
    }

    @Test("A plugin is walked through, and keeps its number however often it is loaded")
    func plugin() throws {
      let folder = FileManager.default.temporaryDirectory.path
      let (source, library) = (
        folder + "/fixture_plugin.c", folder + "/fixture_plugin_\(getpid()).so"
      )
      try """
      void plugin(void (*probe)(void *, const void *), void *context) {
          probe(context, (void *)0);
          __asm__ volatile("" ::: "memory");
      }
      """.write(toFile: source, atomically: true, encoding: .utf8)
      let compiler = Process()
      compiler.executableURL = URL(fileURLWithPath: "/usr/bin/cc")
      compiler.arguments = ["-O2", "-shared", "-fPIC", "-Wl,--build-id", source, "-o", library]
      try compiler.run()
      compiler.waitUntilExit()
      defer { unlink(library) }
      let recording = Walks.prepared
      var numbers: Set<UInt64> = []
      for round in 0..<200 {
        let handle = try #require(dlopen(library, RTLD_NOW))
        refreshModules(in: recording)
        fixture_plugin_set(dlsym(handle, "plugin"))
        let probe = Probe(lane: Walks.lane)
        probe.run(fixture_plugin)
        #expect(Walks.agree(probe.ours, probe.theirs.dropFirst(3)), "round \(round)")
        let inside = UInt64(UInt(bitPattern: dlsym(handle, "plugin")))
        var range = ModuleRange()
        #expect(recording.findModule(inside, &range))
        numbers.insert(UInt64(range.number))
        pauseUnwinding(in: recording)
        dlclose(handle)
        refreshModules(in: recording)
        resumeUnwinding(in: recording)
        #expect(!recording.findModule(inside, &range))
      }
      #expect(numbers.count == 1)
    }

    @Test("While unwinding is paused, a stack is the interrupted frame alone, and afterwards whole")
    func paused() {
      let recording = Walks.prepared
      let probe = Probe(lane: Walks.lane)
      pauseUnwinding(in: recording)
      probe.run(fixture_signal_on_alternative_stack)
      #expect(probe.interrupted.count == 1)
      #expect(probe.ours.isEmpty)
      resumeUnwinding(in: recording)
      probe.run(fixture_signal_on_alternative_stack)
      #expect(probe.interrupted.count > 4)
    }

    @Test("A pause gives up on a walk that never ends, and does not wait for it again")
    func lost() {
      let recording = Walks.prepared
      recording.header.pointee.unwindsInFlight.addOrdered(1)
      pauseUnwinding(in: recording)
      #expect(recording.header.pointee.unwindsLost.value == 1)
      resumeUnwinding(in: recording)
      recording.header.pointee.unwindsInFlight.addOrdered(.max)
      pauseUnwinding(in: recording)
      #expect(recording.header.pointee.unwindsLost.value == 0)
      resumeUnwinding(in: recording)
    }
  }
}
