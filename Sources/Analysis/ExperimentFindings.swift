// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What a share of an operation's time is worth: the throughput won, as a ratio, with its 90 % interval.
public struct ExperimentGain {
  public var mean = 0.0
  public var low = 0.0
  public var high = 0.0
}

/// What an experiment says of one operation.
public struct ExperimentResult {
  public var operation: UInt32 = 0
  public var rounds: UInt32 = 0
  /// At 10, 25, 50 and 100 % less time.
  public var gains = InlineArray<4, ExperimentGain>(repeating: ExperimentGain())

  public var at10: ExperimentGain { gains[0] }
  public var at50: ExperimentGain { gains[2] }
  public var at100: ExperimentGain { gains[3] }
}

/// What follows from the rounds of the latest experiment: nothing but a function of them. docs/methods.md, "Causal
/// experiments".
public struct ExperimentFindings {
  /// Completions a second without delays.
  public private(set) var rate = 0.0
  /// How far the rate stays although everybody is delayed, which is how far it is given from outside: 0 to 1.
  public private(set) var paced = 0.0
  public private(set) var stretch = 1.0
  public private(set) var completions: UInt64 = 0
  public private(set) var rounds = 0
  public private(set) var progress: UInt32 = 0
  public private(set) var count = 0
  private var results = InlineArray<16, ExperimentResult>(repeating: ExperimentResult())

  /// The standard deviation of a round's logarithm about the baseline, and its degrees of freedom.
  private var deviation = 0.0
  private var freedom = 0
  private var baselines = 0

  public static var capacity: Int { 16 }

  public subscript(_ index: Int) -> ExperimentResult { results[index] }

  public func result(of operation: UInt32) -> ExperimentResult? {
    for index in 0..<count where results[index].operation == operation { return results[index] }
    return nil
  }

  /// nil when there was no experiment, or none that had rounds enough.
  public init?(_ recording: Recording) {
    var memory = KeptMemory()
    let isEnough = withUnsafeMutablePointer(to: &memory) { find(in: recording, with: $0) }
    if !isEnough { return nil }
  }

  private mutating func find(
    in recording: Recording, with memory: UnsafeMutablePointer<KeptMemory>
  ) -> Bool {
    var kept = KeptRounds(in: memory)
    var limit: UInt64 = 1 << 32
    // One that has just begun knows nothing yet. Each is looked at once, whatever numbers there are.
    for _ in 0..<4 where kept.count < 8 {
      var newest: UInt64 = 0
      recording.forEachExperimentRound {
        if UInt64($0.experiment) < limit { newest = max(newest, UInt64($0.experiment)) }
      }
      if newest == 0 { break }
      kept.count = 0
      recording.forEachExperimentRound { if UInt64($0.experiment) == newest { kept.add($0) } }
      limit = newest
    }
    guard kept.count >= 8, kept.smoothBaseline() else { return false }
    rounds = kept.count
    baselines = kept.baselines
    rate = Math.exp(kept.meanBaseline)
    progress = kept.rounds[0].progress
    for index in 0..<kept.count {
      completions &+= kept.rounds[index].completions
      stretch = max(stretch, Double(kept.rounds[index].stretch) / 256)
    }
    measureScatter(kept)
    measurePace(kept)
    for index in 0..<kept.count {
      let operation = kept.rounds[index].operation
      if operation == 0 || kept.rounds[index].isControl != 0 || result(of: operation) != nil {
        continue
      }
      guard recording.isOperation(operation), count < Self.capacity else { continue }
      if let result = judge(operation, kept) {
        results[count] = result
        count += 1
      }
    }
    return true
  }

  /// How much rounds of the same trial differ from each other.
  private mutating func measureScatter(_ kept: borrowing KeptRounds) {
    var squares = 0.0
    for index in 0..<kept.count {
      var (sum, others) = (0.0, 0)
      for other in 0..<kept.count where kept.isSameTrial(index, other) {
        sum += kept.offBaseline(other)
        others += 1
      }
      guard others > 1 else { continue }
      // Each group gives up one degree of freedom: the share of this round in it.
      let off = kept.offBaseline(index) - sum / Double(others)
      squares += off * off * Double(others) / Double(others - 1)
      freedom += 1
    }
    deviation = freedom > 0 ? (squares / Double(freedom)).squareRoot() : 0.1
  }

  private mutating func measurePace(_ kept: borrowing KeptRounds) {
    var (sum, full, controls) = (0.0, 0.0, 0)
    for index in 0..<kept.count where kept.rounds[index].isControl != 0 {
      sum += kept.offBaseline(index)
      full += kept.logOfDebt(index)
      controls += 1
    }
    guard controls > 0, full > 0 else { return }
    let error = deviation / Double(controls).squareRoot()
    // As long as it may be chance, nothing is taken off.
    guard sum / Double(controls) > 2 * error else { return }
    paced = min(max(sum / full, 0), 1)
  }

  private func judge(_ operation: UInt32, _ kept: borrowing KeptRounds) -> ExperimentResult? {
    var result = ExperimentResult()
    result.operation = operation
    let percents: InlineArray<4, UInt16> = [10, 25, 50, 100]
    var errors = InlineArray<4, Double>(repeating: 0)
    var logs = InlineArray<4, Double>(repeating: 0)
    for level in 1..<4 {
      var values = InlineArray<64, Double>(repeating: 0)
      var found = 0
      for index in 0..<kept.count {
        let round = kept.rounds[index]
        guard round.operation == operation, round.percent == percents[level],
          round.isControl == 0, found < 64
        else { continue }
        values[found] = kept.offBaseline(index) - paced * kept.logOfDebt(index)
        found += 1
      }
      guard found > 0 else { return nil }
      result.rounds += UInt32(found)
      logs[level] = trimmedMean(&values, found)
      // The baseline is an estimate, too.
      errors[level] =
        deviation * (1 / Double(found) + 1 / Double(max(baselines, 1))).squareRoot()
      result.gains[level] = gain(logs[level], errors[level])
    }
    // A tenth lies on the line from nothing to a fourth, and to a half where that is the same line.
    let slopes = (1 - Math.exp(-logs[1])) / 0.25
    let slopes50 = (1 - Math.exp(-logs[2])) / 0.5
    let error25 = errors[1] / 0.25
    let error50 = errors[2] / 0.5
    let agree = abs(slopes - slopes50) < 2 * (error25 * error25 + error50 * error50).squareRoot()
    let slope = agree ? 0.2 * slopes + 0.8 * slopes50 : slopes
    let error = agree ? (0.04 * error25 * error25 + 0.64 * error50 * error50).squareRoot() : error25
    result.gains[0] = gain(-Math.log(max(1 - 0.1 * slope, 0.1)), 0.1 * error)
    return result
  }

  private func gain(_ log: Double, _ error: Double) -> ExperimentGain {
    // Student's t for 90 %, by its tail's first term.
    let width = 1.645 * (1 + 1.6 / Double(max(freedom, 2))) * error
    let safe = min(max(log, -5), 5)
    return ExperimentGain(
      mean: Math.exp(safe) - 1, low: Math.exp(safe - min(width, 5)) - 1,
      high: Math.exp(safe + min(width, 5)) - 1)
  }

  /// The mean without the lowest and the highest of five or more.
  private func trimmedMean(_ values: inout InlineArray<64, Double>, _ count: Int) -> Double {
    var (sum, low, high) = (0.0, Double.infinity, -Double.infinity)
    for index in 0..<count {
      sum += values[index]
      low = min(low, values[index])
      high = max(high, values[index])
    }
    return count < 5 ? sum / Double(count) : (sum - low - high) / Double(count - 2)
  }
}

private struct KeptMemory {
  var rounds = InlineArray<512, ExperimentRound>(repeating: ExperimentRound())
  var logs = InlineArray<512, Double>(repeating: 0)
  var bases = InlineArray<512, Double>(repeating: 0)
}

/// The rounds of one experiment, and what their rates are compared with. By pointers: a field that is an array is copied,
/// all of it, for each element that is looked at.
private struct KeptRounds: ~Copyable {
  let rounds: UnsafeMutablePointer<ExperimentRound>
  private let logs: UnsafeMutablePointer<Double>
  private let bases: UnsafeMutablePointer<Double>
  var count = 0
  private(set) var baselines = 0
  private(set) var meanBaseline = 0.0

  init(in memory: UnsafeMutablePointer<KeptMemory>) {
    let start = UnsafeMutableRawPointer(memory)
    rounds = start.assumingMemoryBound(to: ExperimentRound.self)
    logs = (start + 512 * MemoryLayout<ExperimentRound>.stride).assumingMemoryBound(to: Double.self)
    bases = logs + 512
  }

  mutating func add(_ round: ExperimentRound) {
    guard count < 512, round.completions > 1, round.completions < 1 << 48,
      round.virtualNanoseconds > 0, round.virtualNanoseconds < 1 << 48, round.percent <= 100
    else { return }
    rounds[count] = round
    logs[count] = Math.log(Double(round.completions) * 1e9 / Double(round.virtualNanoseconds))
    count += 1
  }

  /// The rate without delays drifts with the host's load: that of a moment is the mean over the rounds around it,
  /// weighted by a normal kernel some four of them wide. False without such rounds.
  mutating func smoothBaseline() -> Bool {
    let first = rounds[0].startedNanoseconds
    func seconds(_ index: Int) -> Double {
      Double(rounds[index].startedNanoseconds &- first & (1 << 48 - 1)) / 1e9
    }
    var sum = 0.0
    for index in 0..<count where rounds[index].operation == 0 {
      baselines += 1
      sum += logs[index]
    }
    guard baselines >= 2 else { return false }
    meanBaseline = sum / Double(baselines)
    let width = max(seconds(count - 1) / Double(baselines) * 4, 1e-3)
    for index in 0..<count {
      var (total, weights) = (0.0, 0.0)
      for other in 0..<count where rounds[other].operation == 0 {
        let distance = (seconds(other) - seconds(index)) / width
        let weight = Math.exp(-distance * distance / 2) + 1e-6
        total += weight * logs[other]
        weights += weight
      }
      bases[index] = total / weights
    }
    return true
  }

  func offBaseline(_ index: Int) -> Double { logs[index] - bases[index] }

  func isSameTrial(_ one: Int, _ other: Int) -> Bool {
    rounds[one].operation == rounds[other].operation
      && rounds[one].percent == rounds[other].percent
      && rounds[one].isControl == rounds[other].isControl
  }

  /// By how much a rate that is given from outside seems higher once the delays are taken off.
  func logOfDebt(_ index: Int) -> Double {
    let debt = Double(rounds[index].debtNanoseconds)
    let share = debt / max(debt + Double(rounds[index].virtualNanoseconds), 1)
    return -Math.log(max(1 - share, 0.01))
  }
}
