// SPDX-License-Identifier: Apache-2.0

/// The indices of `keys`, that of the highest key first, those of equal keys in their order. Written once, over numbers:
/// the standard library's sort is compiled anew, 3 KiB, for each closure that it is given. A heap sort.
@inline(never)
func ranks(_ keys: [UInt64]) -> [Int] {
  var order = Array(keys.indices)
  func isAhead(_ one: Int, _ other: Int) -> Bool {
    keys[one] != keys[other] ? keys[one] > keys[other] : one < other
  }
  // The one that comes last is at the heap's top.
  func sink(_ start: Int, _ count: Int) {
    var parent = start
    while parent * 2 + 1 < count {
      var child = parent * 2 + 1
      if child + 1 < count, isAhead(order[child], order[child + 1]) { child += 1 }
      if isAhead(order[child], order[parent]) { return }
      order.swapAt(parent, child)
      parent = child
    }
  }
  var start = order.count / 2
  while start > 0 {
    start -= 1
    sink(start, order.count)
  }
  var count = order.count
  while count > 1 {
    count -= 1
    order.swapAt(0, count)
    sink(0, count)
  }
  return order
}

/// A number above zero as a key; 0 for all else.
func rankKey(_ value: Double) -> UInt64 { value > 0 ? UInt64(min(value, 1e9) * 1e9) : 0 }
