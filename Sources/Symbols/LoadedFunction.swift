// SPDX-License-Identifier: Apache-2.0
import CShim

/// A function of another library, which stays loaded as long as this lives.
///
/// The address is that of a function; who casts it answers for its type.
struct LoadedFunction: ~Copyable {
  let address: UnsafeMutableRawPointer
  private let library: UnsafeMutableRawPointer?

  /// Loads the library privately, if it is not loaded yet; nil when it or the function is not there.
  init?(_ name: StaticString, loading library: StaticString) {
    guard let held = shim_library_open(text(library), true) else { return nil }
    guard let found = shim_library_function(held, text(name)) else {
      shim_library_close(held)
      return nil
    }
    address = found
    self.library = held
  }

  /// Looks in the first of the libraries that is loaded already, then in the program and what it was
  /// linked with; nil when the function is in none.
  init?(_ name: StaticString, among libraries: [StaticString]) {
    var held: UnsafeMutableRawPointer?
    for library in libraries where held == nil { held = shim_library_open(text(library), false) }
    let inLibrary = held.flatMap { shim_library_function($0, text(name)) }
    guard let found = inLibrary ?? shim_library_function(nil, text(name)) else {
      if let held { shim_library_close(held) }
      return nil
    }
    address = found
    library = held
  }

  deinit { if let library { shim_library_close(library) } }
}

/// A static text as a text of C; it ends with a NUL.
private func text(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}
