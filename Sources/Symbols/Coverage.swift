// SPDX-License-Identifier: Apache-2.0

/// For each address, the function that covers it best, over all symbol tables of a module.
///
/// The tables go by once and only the best of each address are kept: O(symbols x log addresses) time,
/// memory by the number of addresses alone, however large the file.
struct Coverage {
  struct Found {
    var entry: FunctionEntry
    /// The index of its table.
    var table: Int
  }

  private let addresses: AddressList
  /// Sections of code: a function of unknown size ends with its section at the latest.
  private let code: [Section]
  private let skipsMappingSymbols: Bool
  private var tables: [SymbolTable] = []
  /// By address: the best among the functions with a size that covers it.
  private var sized: [Found?]
  /// By address: the best function of unknown size starting above the previous address.
  private var unsized: [Found?]
  /// By address: the last start of any function above the previous address.
  private var lastStart: [UInt64]
  /// How many more times a symbol may cover an address. In a real file few symbols overlap; one made so
  /// that all do must not keep us for hours.
  private var budget: Int

  init(of addresses: AddressList, in image: ELFImage) {
    let count = addresses.sorted.count
    self.addresses = addresses
    code = image.sections.filter { $0.isCode && $0.isLoaded }
    skipsMappingSymbols = image.machine == ELFImage.arm
    sized = Array(repeating: nil, count: count)
    unsized = Array(repeating: nil, count: count)
    lastStart = Array(repeating: 0, count: count)
    budget = count &* 200
  }

  mutating func add(_ table: SymbolTable) {
    guard let highest = addresses.sorted.last else { return }
    let index = tables.count
    tables.append(table)
    table.forEachFunction(upTo: highest) { entry in
      let first = addresses.firstIndex(notBelow: entry.start)
      if first == addresses.sorted.count { return true }
      lastStart[first] = max(lastStart[first], entry.start)
      let found = Found(entry: entry, table: index)
      if entry.size == 0 {
        prefer(found, over: &unsized[first])
        return true
      }
      var at = first
      while at < addresses.sorted.count, addresses.sorted[at] &- entry.start < entry.size {
        budget &-= 1
        if budget < 0 { return false }
        prefer(found, over: &sized[at])
        at &+= 1
      }
      return true
    }
  }

  /// The best of each address, by its index among the sorted addresses.
  func best() -> [Found?] {
    var best = sized
    var (open, last): (Found?, UInt64) = (nil, 0)
    for (index, address) in addresses.sorted.enumerated() {
      last = max(last, lastStart[index])
      if let found = unsized[index] { open = found }
      // A function of unknown size goes up to the next function.
      guard let open, open.entry.start == last, sameSection(last, address) else { continue }
      prefer(open, over: &best[index])
    }
    return best
  }

  func name(of found: Found) -> [UInt8] { tables[found.table].name(found.entry.name) }

  private func sameSection(_ a: UInt64, _ b: UInt64) -> Bool {
    code.contains { $0.contains(a) && $0.contains(b) }
  }

  /// Replaces `best` by `found` if it starts nearer to the address; else the more visible, the one
  /// with fewer leading underscores, the shorter, and the alphabetically first name is preferred.
  private func prefer(_ found: Found, over best: inout Found?) {
    if let old = best?.entry {
      let new = found.entry
      if new.start < old.start || (new.start == old.start && new.rank > old.rank) { return }
    }
    let new = name(of: found)
    if new.isEmpty || (!found.entry.isTyped && skipsMappingSymbols && isMappingSymbol(new)) {
      return
    }
    if let old = best, old.entry.start == found.entry.start, old.entry.rank == found.entry.rank,
      !isPreferred(new, to: name(of: old))
    {
      return
    }
    best = found
  }

  private func isPreferred(_ a: [UInt8], to b: [UInt8]) -> Bool {
    func underscores(_ name: [UInt8]) -> Int { name.prefix { $0 == 0x5F }.count }
    let (inA, inB) = (underscores(a), underscores(b))
    if inA != inB { return inA < inB }
    if a.count != b.count { return a.count < b.count }
    return a.lexicographicallyPrecedes(b)
  }

  /// "$x", "$d" and the like mark code and data within a function (ELF for the Arm 64-bit
  /// architecture, "Mapping symbols").
  private func isMappingSymbol(_ name: [UInt8]) -> Bool {
    name.count >= 2 && name[0] == 0x24 && (name[1] == 0x78 || name[1] == 0x64)
  }
}
