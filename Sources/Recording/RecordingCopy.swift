// SPDX-License-Identifier: Apache-2.0

extension Recording {
  /// A copy to work in, with `extraBytes` of free memory behind it, in zeroed memory of `copyBytes(extraBytes)`. What
  /// is added to it shares no memory with what was there, whatever the recording says of itself. Pages of zeros are not
  /// written: a file that claims gigabytes and has none takes none.
  public init(copyOf other: Recording, in memory: UnsafeMutableRawPointer, extraBytes: UInt32) {
    let bytes = Int(other.byteCount)
    let page = Int(Layout.page)
    for start in stride(from: 0, to: bytes, by: page) {
      let part = UnsafeRawBufferPointer(
        start: other.base + start, count: min(page, bytes - start))
      if part.count < page || part.bindMemory(to: UInt64.self).contains(where: { $0 != 0 }) {
        UnsafeMutableRawBufferPointer(start: memory + start, count: part.count).copyMemory(
          from: part)
      }
    }
    self.init(base: memory)
    let first = UInt32(truncatingIfNeeded: (bytes + Int(Layout.page) - 1) / Int(Layout.page))
    let header = header
    // An eighth of an arena is a reserve that only lanes get.
    let pages = extraBytes / Layout.page / 7 &* 8 &+ 16
    header.pointee.arenaOffset.set(first &* Layout.page)
    header.pointee.arenaPage.set(first)
    header.pointee.arenaPageEnd.set(first &+ pages)
    header.pointee.bytes.set(UInt64(first &+ pages) * UInt64(Layout.page))
    identity.pointee.backedPage.set(0)
    forgetAssessment()
  }

  public func copyBytes(_ extraBytes: UInt32) -> Int {
    let pages = (Int(byteCount) + Int(Layout.page) - 1) / Int(Layout.page)
    return (pages + Int(extraBytes / Layout.page / 7 &* 8) + 16) * Int(Layout.page)
  }
}
