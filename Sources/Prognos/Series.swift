// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

@_cdecl("prognos_series_open") @implementation
public func prognos_series_open(
  _ name: UnsafePointer<CChar>!, _ period_ns: UInt64
) -> prognos_series {
  guard let name, name[0] != 0 else {
    _ = invalidArgument {
      $0.put("prognos_series_open: the name is ")
      $0.put(name == nil ? "NULL" : "empty")
      $0.put("; expected 1 to 63 bytes of UTF-8")
    }
    return 0
  }
  guard let recording = prepareRecording() else { return 0 }
  return undisturbed {
    let text = CleanText(name)
    guard let (handle, record) = recording.openSeries(text) else {
      noRoom(
        "prognos_series_open",
        ": too many series for memory_limit_bytes, of which they get an eighth: 16 KiB each")
      return 0
    }
    // Values there are words, as in all of the recording; nobody else knows of them yet.
    let numbers = UnsafeMutableRawPointer(record) + SeriesRecord.headBytes
    numbers.assumingMemoryBound(to: Series.self).pointee = Series(periodNanoseconds: period_ns)
    recording.publish(record)
    return handle.value
  }
}

@_cdecl("prognos_series_add") @implementation
public func prognos_series_add(
  _ series: prognos_series, _ at_unix_ns: Int64, _ value: Double,
  _ out: UnsafeMutablePointer<prognos_verdict>!, _ size: Int
) -> prognos_status {
  guard out == nil || size > 0 else {
    return invalidArgument { $0.put("prognos_series_add: size is 0; expected sizeof *out") }
  }
  let handle = SeriesHandle(series)
  let verdict = existingRecording()?.withSeries(handle, whileWaiting: shim_yield) {
    $0.assumingMemoryBound(to: Series.self).pointee.add(value, unixNanoseconds: at_unix_ns)
  }
  guard let verdict else { return unknownSeries("prognos_series_add", series) }
  if let out { _ = fill(out, size, with: verdict, "prognos_series_add") }
  if verdict.samples >= UInt64(Series.leastValues) { return PROGNOS_OK }
  // Without the text of an error: this is what the first values are like, and no mistake.
  return PROGNOS_NOT_ENOUGH_DATA
}

@_cdecl("prognos_series_trend") @implementation
public func prognos_series_trend(
  _ series: prognos_series, _ out: UnsafeMutablePointer<prognos_trend>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_series_trend"
  let most = Trend.mostValues
  return withNumbers(series, function, 2 * most + Trend.scratchCount) { record, numbers in
    (record.copyLatest(values: numbers, seconds: numbers + most), 0)
  } read: { count, _, numbers in
    guard count >= Trend.leastValues,
      let trend = Trend(
        values: numbers, seconds: numbers + most, count: count, scratch: numbers + 2 * most)
    else { return tooFew(count, Trend.leastValues, function) }
    let answer = trend.answer(metric: 0, seconds: numbers[most + count - 1])
    return fill(out, size, with: answer, function)
  }
}

@_cdecl("prognos_series_forecast") @implementation
public func prognos_series_forecast(
  _ series: prognos_series, _ steps: UInt32, _ out: UnsafeMutablePointer<prognos_forecast>!,
  _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_series_forecast"
  guard let out, size > 0, steps >= 1, steps <= 1024 else {
    return invalidArgument {
      $0.put(function)
      if out == nil { return $0.put(": out is NULL") }
      if size <= 0 { return $0.put(": size is 0; expected sizeof *out") }
      $0.put(": steps is ")
      $0.put(UInt64(steps))
      $0.put("; expected 1 to 1024")
    }
  }
  let room = Forecast.mostValues + Forecast.scratchCount(steps: Int(steps))
  return withNumbers(series, function, room) { record, numbers in
    (record.copyLatest(values: numbers), record.periodNanoseconds)
  } read: { count, period, numbers in
    guard
      let forecast = Forecast(
        values: numbers, count: count, steps: Int(steps), periodNanoseconds: period,
        scratch: numbers + Forecast.mostValues)
    else { return tooFew(count, Forecast.leastValues, function) }
    for step in 0..<Int(steps) {
      let place = UnsafeMutableRawPointer(out) + step * size
      _ = fill(
        place.assumingMemoryBound(to: prognos_forecast.self), size, with: forecast[step + 1],
        function)
    }
    return PROGNOS_OK
  }
}

@_cdecl("prognos_series_close") @implementation
public func prognos_series_close(_ series: prognos_series) -> prognos_status {
  guard let recording = existingRecording(),
    recording.closeSeries(SeriesHandle(series), whileWaiting: shim_yield)
  else { return unknownSeries("prognos_series_close", series) }
  return PROGNOS_OK
}

// MARK: Reading

/// Calls `read` with `room` numbers, of which `copy` has filled the first with a series' latest values: adding waits
/// for the copy alone.
private func withNumbers(
  _ series: prognos_series, _ function: StaticString, _ room: Int,
  copy: (inout Series, UnsafeMutablePointer<Double>) -> (Int, UInt64),
  read: (Int, UInt64, UnsafeMutablePointer<Double>) -> prognos_status
) -> prognos_status {
  undisturbed {
    guard shim_has_memory(room * 8) else { return noMemory(function) }
    let numbers = UnsafeMutablePointer<Double>.allocate(capacity: room)
    defer { numbers.deallocate() }
    let copied = existingRecording()?.withSeries(
      SeriesHandle(series), whileWaiting: shim_yield
    ) {
      copy(&$0.assumingMemoryBound(to: Series.self).pointee, numbers)
    }
    guard let (count, period) = copied else { return unknownSeries(function, series) }
    return read(count, period, numbers)
  }
}

private func tooFew(_ count: Int, _ needed: Int, _ function: StaticString) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": the series has ")
    $0.put(UInt64(count))
    $0.put(" values; ")
    $0.put(UInt64(needed))
    $0.put(" are needed")
  }
  return PROGNOS_NOT_ENOUGH_DATA
}

private func unknownSeries(_ function: StaticString, _ series: prognos_series) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": series ")
    $0.put(UInt64(series))
    $0.put(" was closed or never opened")
  }
  return PROGNOS_UNKNOWN_HANDLE
}
