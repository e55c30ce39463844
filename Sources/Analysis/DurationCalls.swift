// SPDX-License-Identifier: Apache-2.0
import Recording

/// Calls of an operation whose work is known, as numbers to fit curves to.
struct DurationCalls {
  /// The logarithm of the work.
  private(set) var x: [Double] = []
  /// In nanoseconds, and its logarithm.
  private(set) var time: [Double] = []
  private(set) var y: [Double] = []
  private(set) var age: [Double] = []
  /// The weight of a call in the fit of a curve: each octave of work counts the same, however many calls it has, and
  /// the upper end of the range, where curves differ most and from where they are followed, three times the lower.
  private(set) var balance: [Double] = []
  /// The median time of its octave of work.
  private(set) var typical: [Double] = []
  private(set) var lowest = Double.infinity
  private(set) var highest = -Double.infinity

  var count: Int { x.count }

  init(_ pairs: [DurationPair], nanosecondsPerTick: Double) {
    for pair in pairs {
      let nanoseconds = max(pair.ticks * nanosecondsPerTick, 1)
      guard nanoseconds.isFinite else { continue }
      let logarithm = Math.log(pair.work)
      x.append(logarithm)
      time.append(nanoseconds)
      y.append(Math.log(nanoseconds))
      age.append(Double(pair.age))
      lowest = min(lowest, logarithm)
      highest = max(highest, logarithm)
    }
    weigh()
  }

  private mutating func weigh() {
    let octave = 0.6931471805599453
    balance = [Double](repeating: 1, count: count)
    typical = time
    let octaves = min(Int((highest - lowest).isFinite ? (highest - lowest) / octave : 0) + 1, 65)
    var members: [Double] = []
    for number in 0..<octaves {
      members.removeAll(keepingCapacity: true)
      for index in 0..<count where self.octave(of: index, among: octaves) == number {
        members.append(time[index])
      }
      guard !members.isEmpty else { continue }
      let middle = median(members)
      let position = (Double(number) + 0.5) / Double(octaves)
      let weight = (1 + 2 * position) / Double(members.count)
      for index in 0..<count where self.octave(of: index, among: octaves) == number {
        balance[index] = weight
        typical[index] = middle
      }
    }
  }

  private func octave(of index: Int, among octaves: Int) -> Int {
    min(Int((x[index] - lowest) / 0.6931471805599453), octaves - 1)
  }
}
