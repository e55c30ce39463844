// SPDX-License-Identifier: Apache-2.0

/// Addresses in ascending order, each once, and where each of the given ones went.
struct AddressList {
  let sorted: [UInt64]

  /// Sorts them: O(n log n).
  init(_ addresses: [UInt64]) {
    var sorted: [UInt64] = []
    sorted.reserveCapacity(addresses.count)
    for address in addresses.sorted() where sorted.last != address { sorted.append(address) }
    self.sorted = sorted
  }

  /// The index of the first that is not below `address`; their number when all are. O(log n).
  func firstIndex(notBelow address: UInt64) -> Int {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low &+ high) / 2
      if sorted[middle] < address { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The index of an address; nil when it is not listed.
  func index(of address: UInt64) -> Int? {
    let index = firstIndex(notBelow: address)
    return index < sorted.count && sorted[index] == address ? index : nil
  }
}
