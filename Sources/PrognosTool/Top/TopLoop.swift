// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Where a live view's readings come from.
protocol ReadingSource {
  /// `detail`: the operation that is wanted from near by.
  mutating func read(window: Window, detail: UInt32?) -> Reading
}

/// Reads, draws and listens, in turn, until the user has seen enough.
struct TopLoop {
  private var model: Model
  private var source: any ReadingSource
  private var painter = Painter(isColoured: Surroundings.isColoured(STDOUT_FILENO))
  private var decoder = KeyDecoder()
  private let isUnicode = Surroundings.isUnicode

  init(_ source: any ReadingSource, interval: Double) {
    self.source = source
    model = Model(interval: interval)
  }

  /// Returns the signal that ended it, if one did.
  mutating func run(on terminal: Terminal) -> Int32? {
    var nextReading = 0.0
    var looks = 0
    var isWanted = true
    while true {
      if isWanted || !model.isPaused && now() >= nextReading {
        isWanted = false
        read()
        // Before the second look all rates are averages since the beginning: it comes soon.
        nextReading = now() + (looks == 0 ? min(model.interval, 0.5) : model.interval)
        looks += 1
      }
      draw(terminal)
      let wait = model.isPaused ? 3600 : max(nextReading - now(), 0)
      var keys: [Key] = []
      switch terminal.wait(seconds: decoder.isWaiting ? min(wait, 0.05) : wait) {
      case .bytes(let bytes): keys = decoder.add(bytes)
      case .closed: return SIGHUP
      case .nothing: if decoder.isWaiting { keys = decoder.flush() }
      }
      for signal in Signals.take() {
        switch signal {
        case SIGTSTP: keys.append(.suspend)
        case SIGCONT, SIGWINCH: painter.forget()
        default: return signal
        }
      }
      for key in keys {
        switch model.press(key) {
        case .quit: return nil
        case .suspend:
          terminal.suspend()
          painter.forget()
        case .redraw: painter.forget()
        case .read: isWanted = true
        case .none: nextReading = min(nextReading, now() + model.interval)
        }
      }
    }
  }

  private mutating func read() {
    model.take(source.read(window: model.window, detail: model.detailed))
  }

  private mutating func draw(_ terminal: Terminal) {
    let size = terminal.size
    let screen = Screen(width: size.width, height: size.height, isUnicode: isUnicode)
    let bytes = painter.frame(screen.lines(&model))
    if !bytes.isEmpty { write(bytes, to: STDOUT_FILENO) }
  }

  private func now() -> Double { Double(monotonicNanoseconds()) / 1e9 }
}

func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
