// SPDX-License-Identifier: Apache-2.0
import Analysis
import CShim
import Export
import Glibc
import Recording

/// A file in memory that holds the sample with some of its bytes changed.
public final class HostileFile {
  public let bytes: Int
  private let file: Int32
  private let original: UnsafeMutableRawPointer
  private var changed: [(offset: Int, count: Int)] = []
  private var length: Int

  public init(bytes: UInt64 = Layout.minimumBytes) {
    self.bytes = Int(bytes)
    length = Int(bytes)
    guard let memory = shim_map(Int(bytes)) else { fatalError("no memory") }
    original = memory
    fillSample(memory, bytes: bytes)
    // Without a name, so that nothing is left behind.
    var name = Array("/tmp/hostile-XXXXXX".utf8CString)
    file = mkstemp(&name)
    unlink(name)
    ftruncate(file, off_t(bytes))
    pwrite(file, memory, Int(bytes), 0)
  }

  deinit {
    close(file)
    munmap(original, bytes)
    if let mapping { munmap(mapping, bytes) }
    if let reserve { shim_recording_unmap(reserve) }
  }

  public var path: String { "/proc/self/fd/\(file)" }

  /// The file as its process would write to it.
  public private(set) lazy var writer: Recording = {
    guard let start = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      start != MAP_FAILED
    else { fatalError("no memory") }
    mapping = start
    return Recording(base: start)
  }()
  private var mapping: UnsafeMutableRawPointer?

  /// The file as its readers map it, kept for many readings: to make the 4 GiB anew for each takes longer than to
  /// read what is there.
  private lazy var reserve: UnsafeMutableRawPointer? = shim_recording_map(
    file, UInt64(bytes), false)

  /// The recording as it was made.
  public var sample: Recording { Recording(base: original) }

  /// Writes over what is there.
  public func put(_ patch: [UInt8], at offset: Int) {
    let count = min(patch.count, bytes - offset)
    guard offset >= 0, count > 0 else { return }
    pwrite(file, patch, count, off_t(offset))
    changed.append((offset, count))
  }

  public func byte(at offset: Int) -> UInt8 {
    var byte: UInt8 = 0
    pread(file, &byte, 1, off_t(offset))
    return byte
  }

  /// Cuts it short, or makes it longer.
  public func resize(_ count: Int) {
    ftruncate(file, off_t(count))
    length = count
  }

  /// Makes it the sample again.
  public func restore() {
    if length != bytes {
      ftruncate(file, off_t(bytes))
      pwrite(file, original, bytes, 0)
      length = bytes
    }
    for (offset, count) in changed { pwrite(file, original + offset, count, off_t(offset)) }
    changed = []
  }
}

/// What became of reading a file in every way there is.
public enum Examination {
  case refused(String)
  case answered(text: String, json: String, folded: String)
  /// It answered with what no answer may contain.
  case spoilt(String)
}

/// The forms in which a recording is shown.
public struct Forms: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let text = Forms(rawValue: 1)
  public static let ascii = Forms(rawValue: 2)
  public static let json = Forms(rawValue: 4)
  public static let folded = Forms(rawValue: 8)
  public static let trace = Forms(rawValue: 16)
  /// The assessment made again from the samples.
  public static let replay = Forms(rawValue: 32)
  public static let shown = Forms(rawValue: 31)
  public static let all = Forms(rawValue: 63)
}

extension HostileFile {
  /// Reads everything. `status` is what the process is taken for; `copying` reads a copy.
  public func examine(
    as status: RecordingStatus, copying: Bool = false, forms: Forms = .shown
  ) -> Examination {
    do throws(RecordingFailure) {
      let recording = try RecordingFile(path: path, copying: copying)
      defer { recording.close() }
      return show(recording, as: status, forms)
    } catch {
      return .refused(String(decoding: error.text, as: UTF8.self))
    }
  }

  /// The same, in a mapping that stays from one time to the next.
  public func examineAgain(as status: RecordingStatus, forms: Forms) -> Examination {
    guard length == bytes, let reserve else { return examine(as: status, forms: forms) }
    do throws(RecordingFailure) {
      let recording = try RecordingFile(mapped: reserve, fileBytes: UInt64(bytes))
      return show(recording, as: status, forms)
    } catch {
      return .refused(String(decoding: error.text, as: UTF8.self))
    }
  }

  private func show(
    _ recording: RecordingFile, as status: RecordingStatus, _ forms: Forms
  ) -> Examination {
    // Nobody writes to it: what is half done stays so, and is not worth a thousand naps.
    let now = recording.moment(status: status)
    let moment = ReadingMoment(
      ticks: now.ticks, monotonicNanoseconds: now.monotonicNanoseconds,
      nanosecondsPerTick: now.nanosecondsPerTick, cpuNanoseconds: now.cpuNanoseconds,
      isLive: now.isLive)
    let report = Report(of: recording, status: status, at: moment, path: Array(path.utf8))
    _ = recording.status
    let shown: [(Forms, String, () -> Output)] = [
      (.text, "text", { report.text(unicode: true) }),
      (.json, "JSON", { report.json() }),
      (.folded, "folded", { report.folded() }),
      (.ascii, "plain text", { report.text(unicode: false) }),
      (.trace, "trace", { report.chromeTrace() }),
    ]
    var found: [String] = []
    for (form, name, make) in shown {
      let output = forms.contains(form) ? make().bytes : []
      if let fault = fault(in: output) { return .spoilt("\(name): \(fault)") }
      found.append(String(decoding: output, as: UTF8.self))
    }
    if forms.contains(.replay) { assessAgain(recording.recording) }
    return .answered(text: found[0], json: found[1], folded: found[2])
  }

  /// As `prognos replay` does.
  private func assessAgain(_ recording: Recording) {
    guard let bytes = Replay.bytes(of: recording), let memory = shim_map(bytes) else { return }
    defer { munmap(memory, bytes) }
    guard let replay = Replay(of: recording, in: memory) else { return }
    for zone in AssessmentZone.allCases { _ = replay.agrees(with: recording, in: zone) }
  }

  /// What a terminal would obey, or no reader of UTF-8 would take.
  private func fault(in output: [UInt8]) -> String? {
    for index in output.indices where output[index] < 0x20 || output[index] >= 0x7F {
      let byte = output[index]
      if byte < 0x20 && byte != 0x0A || byte == 0x7F { return "byte \(byte) at \(index)" }
      if byte == 0xC2, index + 1 < output.count, output[index + 1] < 0xA0 {
        return "a control character at \(index)"
      }
    }
    return String(validating: output, as: UTF8.self) == nil ? "not UTF-8" : nil
  }
}
