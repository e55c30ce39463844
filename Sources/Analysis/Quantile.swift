// SPDX-License-Identifier: Apache-2.0

/// Order statistics without sorting: Hoare's selection.
enum Quantile {
  /// The value of this rank, from 0 on, among the first `count`, whose order changes.
  @inline(never)
  static func select(_ values: UnsafeMutablePointer<Double>, _ count: Int, rank: Int) -> Double {
    guard count > 0 else { return 0 }
    let rank = min(max(rank, 0), count - 1)
    var (low, high) = (0, count - 1)
    while low < high {
      let pivot = values[(low + high) / 2]
      var (left, right) = (low, high)
      while left <= right {
        while values[left] < pivot { left += 1 }
        while values[right] > pivot { right -= 1 }
        guard left <= right else { break }
        (values[left], values[right]) = (values[right], values[left])
        left += 1
        right -= 1
      }
      if rank <= right { high = right } else if rank >= left { low = left } else { break }
    }
    return values[rank]
  }

  @inline(never)
  static func median(_ values: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
    let upper = select(values, count, rank: count / 2)
    return count % 2 == 1 || count == 0
      ? upper : (upper + select(values, count, rank: count / 2 - 1)) / 2
  }

  /// The quantile of a share, between two values in proportion.
  @inline(never)
  static func quantile(
    _ values: UnsafeMutablePointer<Double>, _ count: Int, _ share: Double
  ) -> Double {
    let place = min(max(share, 0), 1) * Double(max(count - 1, 0))
    let rank = Int(place)
    let lower = select(values, count, rank: rank)
    let part = place - Double(rank)
    return part > 0 ? lower + part * (select(values, count, rank: rank + 1) - lower) : lower
  }
}
