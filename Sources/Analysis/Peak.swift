// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// When the next peak of the load comes, and what the process can take.
extension Assessor {
  private static var mostRates: Int { 1024 }
  private static var steps: Int { 60 }
  static var leastRates: Int { 30 }

  /// What `forecastLoad` needs of memory.
  public static var forecastBytes: Int {
    (mostRates + 512 + Forecast.scratchCount(steps: steps)) * 8
  }

  /// Forecasts the load when it is time to: every 10 s in the first ten minutes, then every minute. It takes some
  /// milliseconds, and nobody reads what it writes: before `writeAssessment`. What it finds, `step` publishes.
  public func forecastLoad(at moment: AssessmentMoment) {
    guard let load, moment.hasPoint, let room = recording.assessmentZone(.forecast),
      room.bytes >= Self.forecastBytes
    else { return }
    let now = moment.monotonicNanoseconds
    let age = now &- min(recording.header.pointee.startMonotonic.value, now)
    let every: UInt64 = age < 600_000_000_000 ? 10_000_000_000 : 60_000_000_000
    guard now &- load.pointee.forecastAt >= every &- 250_000_000 else { return }
    load.pointee.forecastAt = now
    let numbers = room.start.assumingMemoryBound(to: Double.self)
    let hours = LoadRates(
      recording, Tier.hours, until: now, most: Self.mostRates, withoutFailed: true, in: numbers)
    load.pointee.productivity.rankHours(hours, scratch: numbers + Self.mostRates)
    var peak = prognos_peak()
    let fit = ScalabilityFit(load, scratch: numbers)
    var saturation: Saturation?
    if let fit {
      let found = Saturation(fit, cpuLimit: load.pointee.cpuLimit)
      saturation = found
      load.pointee.scalability = answer(fit, found, load)
      load.pointee.found |= 2
    }
    if let saturation {
      let factor = load.pointee.callsPerOutermost
      peak.capacity_low_per_s = saturation.capacity.0 * factor
      peak.capacity_per_s = saturation.capacity.1 * factor
      peak.capacity_high_per_s = saturation.capacity.2 * factor
      Sentence.compose(in: &peak.saturates) { $0.put(saturation.resource) }
    }
    var rates = LoadRates(recording, Tier.hours, until: now, most: Self.mostRates, in: numbers)
    var tier = Tier.hours
    if rates.count < 72 {
      tier = Tier.minutes
      rates = LoadRates(recording, tier, until: now, most: Self.mostRates, in: numbers)
    }
    if rates.count < 60 {
      tier = Tier.seconds
      rates = LoadRates(recording, tier, until: now, most: 600, in: numbers)
    }
    let steps = tier == Tier.hours ? 48 : Self.steps
    let span = Tier.span(tier)
    guard rates.count >= Self.leastRates,
      let forecast = Forecast(
        values: rates.start, count: rates.count, steps: steps, periodNanoseconds: span,
        scratch: numbers + Self.mostRates + 512)
    else { return }
    let step = forecast.peak(
      within: forecast.season > 1 && forecast.season <= steps ? forecast.season : steps)
    let found = forecast[step]
    let ahead = UInt64(step) &* span &- span / 2
    peak.at_unix_ns = Int64(clamping: rates.latestUnix &+ ahead)
    peak.rate_per_s = found.value
    peak.low_per_s = found.low
    peak.high_per_s = found.high
    peak.latest_per_s = rates.start[rates.count - 1]
    peak.span_s = Double(span) / 1e9
    peak.season_s = forecast.season > 1 ? Double(forecast.season) * peak.span_s : 0
    peak.samples = UInt64(rates.count)
    peak.confidence = found.confidence
    peak.exceeds = peak.capacity_per_s > 0 && peak.rate_per_s > peak.capacity_per_s ? 1 : 0
    explain(&peak, seconds: Double(ahead) / 1e9, fit?.loads ?? load.pointee.loads)
    load.pointee.peak = peak
    load.pointee.found |= 1
  }

  private func explain(_ peak: inout prognos_peak, seconds: Double, _ loads: Int) {
    let copy = peak
    Sentence.compose(in: &peak.reason) { text in
      text.put(copy.rate_per_s, " operations/s (", copy.low_per_s, copy.high_per_s)
      text.put(") in ")
      text.put(seconds: seconds)
      if copy.season_s > 0 {
        text.put(", as every ")
        text.put(seconds: copy.season_s)
      } else {
        text.put("; no season was found")
      }
      if copy.capacity_per_s == 0 {
        text.put("; capacity not known: ")
        text.put(UInt64(loads))
        text.put(" of 6 different loads were seen")
      } else if copy.capacity_per_s.isFinite {
        text.put(copy.exceeds != 0 ? "; more than it can take: " : "; it can take ")
        text.put(copy.capacity_per_s, "/s (", copy.capacity_low_per_s, copy.capacity_high_per_s)
        text.put("), then out of ")
        text.put(copy.saturates)
      } else {
        text.put("; no limit is in sight")
      }
    }
  }

  private func answer(
    _ fit: ScalabilityFit, _ saturation: Saturation, _ load: UnsafeMutablePointer<LoadState>
  ) -> prognos_scalability {
    var answer = prognos_scalability()
    answer.sigma = fit.sigma
    answer.kappa = fit.kappa
    answer.rate_per_s = fit.rate
    (answer.knee_low, answer.knee, answer.knee_high) = fit.knee
    (answer.capacity_low_per_s, answer.capacity_per_s, answer.capacity_high_per_s) =
      saturation.capacity
    answer.highest_concurrency = fit.highest
    answer.samples = UInt64(min(max(fit.seconds, 0), 1e15))
    answer.loads = UInt32(fit.loads)
    let width = answer.capacity_high_per_s / max(answer.capacity_low_per_s, 1e-9)
    answer.confidence =
      width.isFinite ? fit.seconds / (fit.seconds + 20) * min(1, 1.5 / max(width, 1)) : 0.1
    Sentence.compose(in: &answer.saturates) { $0.put(saturation.resource) }
    let copy = answer
    Sentence.compose(in: &answer.reason) { text in
      text.put(UInt64(copy.loads))
      text.put(" loads up to ")
      text.put(copy.highest_concurrency)
      text.put(" calls at a time, ")
      text.put(fit.top.throughput)
      text.put("/s at most")
      if copy.capacity_per_s.isFinite {
        text.put("; ")
        text.put(copy.saturates)
        text.put(" ends it at ")
        text.put(copy.capacity_per_s, "/s (", copy.capacity_low_per_s, copy.capacity_high_per_s)
        text.put(")")
      } else {
        text.put("; no limit is in sight")
      }
      if copy.knee.isFinite {
        text.put("; most is done by ")
        text.put(copy.knee, " at a time (", copy.knee_low, copy.knee_high)
        text.put(")")
      }
    }
    return answer
  }

  /// Publishes the forecast, and alerts when the peak to come is more than the process can take.
  func judgeLoad(at moment: AssessmentMoment) {
    guard let load, let table = AnswerTable<prognos_peak>(recording, .peak),
      let fits = AnswerTable<prognos_scalability>(recording, .scalability)
    else { return }
    if load.pointee.found & 1 != 0 {
      table.set(load.pointee.peak, at: 0)
      table.setWritten(1)
    }
    if load.pointee.found & 2 != 0 {
      fits.set(load.pointee.scalability, at: 0)
      fits.setWritten(1)
    }
    load.pointee.found = 0
    guard table.written > 0 else { return }
    let peak = load.pointee.peak
    let isKnown = peak.capacity_per_s > 0 && peak.confidence >= 0.3
    judge(
      isKnown ? peak.rate_per_s / peak.capacity_per_s : 0,
      Bounds(warn: 1, critical: .nan, margin: 0.1, isLower: false), PROGNOS_METRIC_RATE, 0, "load",
      &load.pointee.alert, at: moment
    ) { $0.put(peak.reason) }
  }
}

extension LoadState {
  fileprivate var callsPerOutermost: Double { outermost > 0 ? max(finished / outermost, 1) : 1 }

  fileprivate var loads: Int {
    var count = 0
    for index in 0..<Self.bins where bins[index].seconds >= 2 { count += 1 }
    return count
  }
}
