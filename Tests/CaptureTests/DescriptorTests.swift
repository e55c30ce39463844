// SPDX-License-Identifier: Apache-2.0
import CShim
import Glibc
import Testing

@testable import Capture
@testable import Recording

@Suite("What is known of descriptors")
struct DescriptorTests {
  /// A recording with a table of descriptors.
  private static let recording: Recording = {
    let layout = Layout(memoryLimit: 4 << 20, operations: 16, lanes: 4)
    let recording = Recording(zeroed: shim_map(Int(layout.bytes))!, layout: layout)
    _ = recording.prepareIO(tableBytes: Descriptor.tableBytes)
    return recording
  }()

  /// The kind of a descriptor, looked at for the first time.
  private func kind(_ fd: Int32) throws -> Int {
    let recording = Self.recording
    recording.forgetDescriptor(fd)
    let entry = try #require(recording.descriptorEntry(fd))
    let state = recording.known(fd, in: entry, offset: -1, bytes: 0)
    #expect(Descriptor.isKnown(fd, by: entry.pointee.state.value))
    return Int(state & Descriptor.Flag.kinds)
  }

  @Test("An entry has a size of its own, and an unknown descriptor is not taken for a known one")
  func layout() {
    #expect(MemoryLayout<Descriptor>.size == Int(Descriptor.bytes))
    #expect(!Descriptor.isKnown(0, by: 0))
    #expect(!Descriptor.isKnown(7, by: Descriptor.tag(8) << 32))
    let none = Self.recording.descriptorEntry(-1).map { Self.recording.offset(of: $0) }
    let (low, high) = (Self.recording.descriptorEntry(5), Self.recording.descriptorEntry(5 + 4096))
    #expect(none == nil)
    #expect(low.map { Self.recording.offset(of: $0) } == high.map { Self.recording.offset(of: $0) })
  }

  @Test("Files, pipes, sockets, terminals and the rest are told apart")
  func kinds() throws {
    var pair: [Int32] = [0, 0]
    #expect(pipe(&pair) == 0)
    #expect(try kind(pair[0]) == IOKind.pipe)
    pair.forEach { close($0) }
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
    #expect(try kind(pair[0]) == IOKind.socket)
    pair.forEach { close($0) }
    let file = open("/proc/self/exe", O_RDONLY)
    #expect(try kind(file) == IOKind.file)
    close(file)
    let null = open("/dev/null", O_RDONLY)
    #expect(try kind(null) == IOKind.other)
    close(null)
    let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    if terminal >= 0 { #expect(try kind(terminal) == IOKind.terminal) }
    close(terminal)
    errno = 1234
    #expect(try kind(9999) == IOKind.other)
    #expect(errno == 1234)
  }

  /// Requests as (offset or -1, bytes), and which of them are sequential.
  private func sequence(
    position: UInt64, end: UInt64, appends: Bool = false, _ requests: [(Int64, UInt64)]
  ) throws -> [Bool] {
    let entry = try #require(Self.recording.descriptorEntry(4000))
    entry.pointee.position.set(position)
    entry.pointee.end.set(end)
    return requests.map {
      entry.pointee.isSequential(offset: $0.0, bytes: $0.1, appends: appends)
    }
  }

  @Test("A request is sequential when it begins where the last one ended, by either kind of offset")
  func sequential() throws {
    #expect(
      try sequence(position: 0, end: 0, [(-1, 10), (-1, 10), (20, 5), (25, 5)]).allSatisfy { $0 })
    #expect(try sequence(position: 500, end: 500, [(-1, 10)]) == [true])
    #expect(
      try sequence(position: 0, end: 0, [(100, 10), (110, 10), (100, 10)]) == [false, true, false])
    // An explicit offset leaves the position where it was.
    #expect(
      try sequence(position: 0, end: 0, [(-1, 10), (100, 10), (-1, 10)]) == [true, false, false])
    #expect(
      try sequence(position: 7, end: 0, appends: true, [(-1, 10), (-1, 10)]) == [true, true])
  }

  @Test("A seek sets the position; one that fails makes the descriptor unknown")
  func seek() throws {
    let file = open("/proc/self/exe", O_RDONLY)
    defer { close(file) }
    _ = try kind(file)
    let entry = try #require(Self.recording.descriptorEntry(file))
    Self.recording.setPosition(of: file, to: 4096)
    #expect(entry.pointee.position.value == 4096)
    let isNext = entry.pointee.isSequential(offset: -1, bytes: 1, appends: false)
    #expect(!isNext)
    Self.recording.setPosition(of: file, to: -1)
    #expect(!Descriptor.isKnown(file, by: entry.pointee.state.value))
    Self.recording.setPosition(of: file, to: 10)
    #expect(entry.pointee.position.value != 10)
  }

  @Test("A descriptor that is first seen in its midst goes on from there")
  func midst() throws {
    let file = open("/proc/self/exe", O_RDONLY)
    defer { close(file) }
    #expect(lseek(file, 1000, SEEK_SET) == 1000)
    Self.recording.forgetDescriptor(file)
    let entry = try #require(Self.recording.descriptorEntry(file))
    _ = Self.recording.known(file, in: entry, offset: -1, bytes: 100)  // had been at 900
    #expect(entry.pointee.position.value == 900)
    let isNext = entry.pointee.isSequential(offset: -1, bytes: 100, appends: false)
    #expect(isNext)
    #expect(entry.pointee.position.value == 1000)
  }

  @Test("Descriptors that never wait are not timed, until they are closed")
  func instant() throws {
    let null = open("/dev/null", O_RDONLY)
    defer { close(null) }
    _ = try kind(null)
    #expect(shim_is_instant(Int(null)))
    Self.recording.forgetDescriptor(null)
    #expect(!shim_is_instant(Int(null)))
  }
}
