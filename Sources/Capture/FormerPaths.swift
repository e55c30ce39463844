// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

/// Calls `body` with the paths at which recordings of this program's former lives may lie: beside the live file and its copy
/// what begins with that file's name, or with the command where that is how it is named. Whatever is there may be anybody's.
/// Cost: reads the directories; 64 paths in each at the most.
public func forEachFormerPath(of recording: Recording, _ body: (UnsafePointer<CChar>) -> Void) {
  guard let live = livePath(), !isForkedChild else { return }
  walk(beside: live, recording, body)
  let target = UnsafeRawPointer(recording.identityText(.targetPath))
  if target.load(as: UInt8.self) != 0 {
    walk(beside: target.assumingMemoryBound(to: CChar.self), recording, body)
  }
}

@inline(never)
private func walk(
  beside file: UnsafePointer<CChar>, _ recording: Recording,
  _ body: (UnsafePointer<CChar>) -> Void
) {
  PathText.build { path in
    path.put(file)
    let name = path.nameStart
    PathText.build { stem in
      putCommand(of: recording, to: &stem)
      if !begins(file + name, stem) {
        stem.cut(to: 0)
        stem.put(file + name)
      }
      path.cut(to: name)
      withoutActuallyEscaping(body) { body in
        PathText.build { directory in
          directory.put(path.chars)
          var names = FormerNames(path: path, nameStart: name, stem: stem, body: body)
          withUnsafeMutablePointer(to: &names) { names in
            _ = shim_each_name(
              directory.chars, { $0.assumingMemoryBound(to: FormerNames.self).pointee.meet($1) },
              names)
          }
        }
      }
    }
  }
}

private struct FormerNames {
  var path: PathText
  let nameStart: Int
  let stem: PathText
  let body: (UnsafePointer<CChar>) -> Void
  var left = 64

  mutating func meet(_ name: UnsafePointer<CChar>) {
    guard begins(name, stem), left > 0 else { return }
    left -= 1
    path.cut(to: nameStart)
    path.put(name)
    if !path.isCut { body(path.chars) }
  }
}

private func begins(_ name: UnsafePointer<CChar>, _ stem: PathText) -> Bool {
  for index in 0..<stem.count where name[index] != stem.start[index] { return false }
  return true
}
