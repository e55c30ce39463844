// SPDX-License-Identifier: Apache-2.0

/// The build-id (NT_GNU_BUILD_ID) among the notes of an ELF file or of a loaded object; empty if none.
///
/// - Parameters:
///   - notes: the bytes of a PT_NOTE segment or of a note section; any bytes may be given.
///   - alignment: 8 where the segment's alignment is 8, else 4 (elf(5), "Notes").
public func buildID(inNotes notes: [UInt8], alignment: Int) -> [UInt8] {
  var position = 0
  while let nameBytes = notes.number(at: position, as: UInt32.self),
    let valueBytes = notes.number(at: position &+ 4, as: UInt32.self),
    let type = notes.number(at: position &+ 8, as: UInt32.self)
  {
    let name = position &+ 12
    let value = padded(name &+ Int(nameBytes), to: alignment)
    let end = value &+ Int(valueBytes)
    guard end <= notes.count else { return [] }
    if type == 3, valueBytes <= 64, nameBytes == 4, notes.text(at: name) == [0x47, 0x4E, 0x55] {
      return Array(notes[value..<end])
    }
    position = padded(end, to: alignment)
  }
  return []
}

private func padded(_ position: Int, to alignment: Int) -> Int {
  alignment == 8 ? (position &+ 7) & ~7 : (position &+ 3) & ~3
}

/// The build-id of an ELF file; empty when it has none or cannot be read. A few system calls.
public func buildID(ofFile path: [UInt8]) -> [UInt8] {
  ByteSource(path: path).flatMap { ELFImage($0) }?.buildID ?? []
}
