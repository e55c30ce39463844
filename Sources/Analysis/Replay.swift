// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// An assessment made again, from the samples that a recording holds: the same samples give the same answers, bit for
/// bit, wherever they are assessed.
///
/// What an assessment looks up in the living process besides is of the recording's last moment here: blocks of the
/// heap, and operations that are open.
public struct Replay {
  /// The copy in which it was made.
  public let recording: Recording
  /// How many moments were assessed.
  public let moments: Int
  /// Whether the samples reach back to the first one: without these, answers differ.
  public let isWhole: Bool

  /// How many bytes of zeroed memory it takes; nil for a recording that was not assessed.
  public static func bytes(of source: Recording) -> Int? {
    guard source.hasAssessment, AnswerTable<ResourceSample>(source, .samples) != nil else {
      return nil
    }
    return source.copyBytes(extraBytes(of: source))
  }

  private static func extraBytes(of source: Recording) -> UInt32 { source.byteCount / 4 }

  /// Makes it in `memory`, which is to stay as long as this is used.
  ///
  /// - Parameter each: called after each moment with its sample and the copy, which has the answers of that moment.
  public init?(
    of source: Recording, in memory: UnsafeMutableRawPointer,
    each: (ResourceSample, Recording) -> Void = { _, _ in }
  ) {
    guard let samples = AnswerTable<ResourceSample>(source, .samples) else { return nil }
    recording = Recording(copyOf: source, in: memory, extraBytes: Self.extraBytes(of: source))
    guard Assessor.prepare(recording, limit: Int(source.byteCount)),
      let assessor = Assessor(recording)
    else { return nil }
    if let own = Lives(recording), let theirs = Lives(source) { own.takeFormer(from: theirs) }
    isWhole = samples.written <= UInt64(samples.capacity)
    var moments = 0
    var number: UInt64 = 1
    for age in (0..<samples.count).reversed() {
      var sample = ResourceSample()
      guard samples.read(age: age, into: &sample) else { continue }
      let moment = AssessmentMoment(
        monotonicNanoseconds: sample.monotonicNanoseconds, unixNanoseconds: sample.unixNanoseconds,
        point: Self.point(at: sample.monotonicNanoseconds, source, &number))
      assessor.forecastLoad(at: moment)
      assessor.step(sample, at: moment)
      each(sample, recording)
      moments += 1
    }
    self.moments = moments
  }

  /// The point that ended at a moment, if one did. `number`: the first that may.
  private static func point(
    at moment: UInt64, _ source: Recording, _ number: inout UInt64
  ) -> ProcessPoint? {
    let (written, kept) = source.pointCount(of: Tier.seconds)
    number = max(number, written &- kept &+ 1)
    while number <= written {
      guard let point = source.point(number, of: Tier.seconds), point.endMonotonic <= moment else {
        return nil
      }
      number &+= 1
      if point.endMonotonic == moment { return point }
    }
    return nil
  }

  /// Whether a zone holds the same as the recording's own.
  public func agrees(with source: Recording, in zone: AssessmentZone) -> Bool {
    switch (source.assessmentZone(zone), recording.assessmentZone(zone)) {
    case (nil, nil): true
    case (let theirs?, let ours?):
      theirs.bytes == ours.bytes
        && (0..<ours.bytes / 8).allSatisfy {
          theirs.start.load(fromByteOffset: $0 * 8, as: UInt64.self)
            == ours.start.load(fromByteOffset: $0 * 8, as: UInt64.self)
        }
    default: false
    }
  }
}

extension AssessmentZone {
  /// Whether samples, points and records are all that it is made from. Other zones look at tables of the
  /// recording, too, which go on after the latest assessment.
  public var isOfSamples: Bool {
    switch self {
    case .leaks, .leakLedger, .references, .bottlenecks, .bottleneckSums: false
    default: true
    }
  }
}
