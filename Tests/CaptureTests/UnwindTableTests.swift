// SPDX-License-Identifier: Apache-2.0
import Fixtures
import Foundation
import Recording
import Testing

@testable import Capture

extension WalkTests {
  @Suite("Unwind information is read as binutils reads it")
  struct UnwindTableTests {
    private static let readelf = "/usr/bin/readelf"

    private func output(of arguments: [String]) throws -> String {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Self.readelf)
      process.arguments = arguments
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = FileHandle.nullDevice
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return String(decoding: data, as: UTF8.self)
    }

    /// "rsp+8", "exp", of a row.
    private func cfa(_ row: UnwindRow) -> String {
      if row.cfaRegister == UnwindRow.byExpression { return "exp" }
      let names = [
        0: "rax", 1: "rdx", 2: "rcx", 3: "rbx", 4: "rsi", 5: "rdi", 6: "rbp", 7: "rsp", 10: "r10",
        12: "r12", 13: "r13",
      ]
      let name = names[Int(row.cfaRegister)] ?? "r\(row.cfaRegister)"
      return name + "+\(Int64(bitPattern: row.cfaOffset))"
    }

    /// "c-8", "u", of a column; what is unchanged is either of two words there.
    private func column(_ rule: ColumnRule) -> Set<String> {
      switch rule.kind {
      case ColumnRule.same: return ["u", "s", ""]
      case ColumnRule.undefined: return ["u"]
      case ColumnRule.atOffset: return ["c\(rule.offset < 0 ? "" : "+")\(rule.offset)"]
      case ColumnRule.isOffset: return ["v\(rule.offset < 0 ? "" : "+")\(rule.offset)"]
      case ColumnRule.atExpression: return ["exp"]
      case ColumnRule.isExpression: return ["vexp"]
      default: return ["r"]
      }
    }

    @Test(
      "Every row of the C library: where the frame is, the return address, the frame pointer",
      .enabled(if: FileManager.default.fileExists(atPath: readelf), "needs binutils"))
    func everyRow() throws {
      #if arch(x86_64)
        let recording = Walks.prepared
        let number = try #require(
          (1...recording.moduleCount).first {
            String(cString: recording.path(ofModule: $0)).hasSuffix("/libc.so.6")
          })
        var module = ModuleRange()
        #expect(recording.read(number, &module))
        let listing = try output(of: [
          "--debug-dump=frames-interp", String(cString: recording.path(ofModule: number)),
        ])
        var names: [Substring] = []
        var rows = 0
        var wrong: [String] = []
        for line in listing.split(separator: "\n", omittingEmptySubsequences: false) {
          let fields = line.split(separator: " ")
          if fields.first == "LOC" {
            names = Array(fields.dropFirst())
          } else if line.contains("CIE") || line.contains(".debug_frame") {
            names = []
            if line.contains(".debug_frame") { break }
          } else if fields.count == names.count + 1, !line.contains("FDE"),
            fields.last != "terminator", names.first == "CFA",
            let address = UInt64(fields[0], radix: 16), address > 0
          {
            let place = address &+ module.bias
            var program = UnwindProgram()
            guard let entry = UnwindEntry.find(place, in: module), program.run(entry, to: place)
            else {
              wrong.append("nothing for \(line)")
              continue
            }
            rows += 1
            let values = Dictionary(zip(names, fields.dropFirst()), uniquingKeysWith: { a, _ in a })
            let ra = column(program.row.rule(Machine.ra))
            let fp = column(program.row.rule(Machine.fp))
            let rbx = column(program.row.rule(0))
            if cfa(program.row) != values["CFA"].map(String.init)
              || !ra.contains(String(values["ra"] ?? ""))
              || !fp.contains(String(values["rbp"] ?? ""))
              || !rbx.contains(String(values["rbx"] ?? ""))
            {
              wrong.append("\(line): \(cfa(program.row)) \(ra) \(fp)")
            }
          }
        }
        #expect(rows > 10_000)
        #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(10))")
      #endif
    }

    // MARK: Hand-made entries

    /// A CIE and an FDE for the code 0x1000..<0x1100, with these instructions.
    private func run(_ instructions: [UInt8], to address: UInt64 = 0x1080) -> UnwindRow? {
      // "zR" with absolute pointers of 8 bytes; DW_CFA_def_cfa rsp 8, DW_CFA_offset ra 1.
      let common: [UInt8] = [
        0, 0, 0, 0, 1, 0x7A, 0x52, 0, 1, 0x78, 16, 1, 0, 0x0C, 7, 8, 0x90, 1, 0, 0,
      ]
      var bytes: [UInt8] = [UInt8(common.count), 0, 0, 0] + common
      let own: [UInt8] =
        [UInt8(bytes.count + 4), 0, 0, 0] + [0, 0x10, 0, 0, 0, 0, 0, 0]
        + [0, 1, 0, 0, 0, 0, 0, 0] + [0] + instructions
      let place = bytes.count
      bytes += withUnsafeBytes(of: UInt32(own.count)) { Array($0) } + own
      return guarded(bytes) { start, end in
        guard let entry = UnwindEntry(at: start &+ UInt64(place), from: start, to: end, header: 0)
        else { return nil }
        var program = UnwindProgram()
        return program.run(entry, to: address) ? program.row : nil
      }
    }

    /// Puts bytes right before a page that cannot be read.
    private func guarded<R>(_ bytes: [UInt8], _ body: (UInt64, UInt64) -> R) -> R {
      let size = (bytes.count + 4095) / 4096 * 4096 + 4096
      let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
      mprotect(memory + size - 4096, 4096, PROT_NONE)
      defer { munmap(memory, size) }
      let start = memory + size - 4096 - bytes.count
      start.copyMemory(from: bytes, byteCount: bytes.count)
      let address = UInt64(UInt(bitPattern: start))
      return body(address, address &+ UInt64(bytes.count))
    }

    @Test("Instructions before the address count, those after it do not")
    func advance() {
      let program: [UInt8] = [0x42, 0x0E, 16, 0x86, 2, 0x02, 0x7D, 0x0E, 24, 0x41, 0x0E, 32]
      #expect(run(program, to: 0x1001)?.cfaOffset == 8)
      #expect(run(program, to: 0x1002)?.cfaOffset == 16)
      #expect(run(program, to: 0x1002)?.rule(Machine.fp).offset == -16)
      #expect(run(program, to: 0x107F)?.cfaOffset == 24)
      #expect(run(program, to: 0x1080)?.cfaOffset == 32)
    }

    @Test("A state put aside comes back, and a register goes back to what all functions begin with")
    func remember() {
      #if arch(x86_64)
        let row = run([0x0E, 16, 0x0A, 0x0D, 6, 0x86, 2, 0x0B, 0x90, 5, 0xD0])
        #expect(row?.cfaRegister == 7)
        #expect(row?.cfaOffset == 16)
        #expect(row?.rule(Machine.fp).kind == ColumnRule.same)
        #expect(row?.rule(Machine.ra).offset == -8)
      #endif
    }

    @Test("Malformed instructions give no row, and nothing is read beyond them")
    func hostile() {
      #expect(run([0x0B]) == nil)  // restores what was not put aside
      #expect(run([UInt8](repeating: 0x0A, count: 9)) == nil)  // puts too much aside
      #expect(run([0x0E]) == nil)  // cut
      #expect(run([0x0E] + [UInt8](repeating: 0x80, count: 40)) == nil)  // an endless number
      #expect(run([0x0F, 0xFF, 0xFF, 0x03]) == nil)  // a block beyond the end
      #expect(run([0x3F]) == nil)  // no instruction
      #expect(run([0x04, 1]) == nil)
    }

    @Test("Random bytes end in a row or in none")
    func random() {
      var generator = SystemRandomNumberGenerator()
      for _ in 0..<20_000 {
        let bytes = (0..<Int.random(in: 0..<60, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
        _ = run(bytes)
        guarded(bytes + [1, 2, 3, 4]) { start, end in
          _ = UnwindEntry(at: start, from: start, to: end, header: start)
        }
      }
    }

    @Test("A walk from any registers ends, and reads nothing that is not there")
    func anyRegisters() {
      let recording = Walks.prepared
      let lane = Walks.lane
      var generator = SystemRandomNumberGenerator()
      let low = lane.pointee.stackLow.value
      let high = lane.pointee.stackHigh.value
      var frames = [UInt64](repeating: 0, count: 64)
      var mark = 0
      let here = withUnsafePointer(to: &mark) { UInt64(UInt(bitPattern: $0)) }
      for round in 0..<100_000 {
        let number = UInt32.random(in: 1...recording.moduleCount, using: &generator)
        var module = ModuleRange()
        guard recording.read(number, &module), module.codeEnd > module.codeStart else { continue }
        let pc =
          round % 16 == 0
          ? UInt64.random(in: 0...UInt64.max, using: &generator)
          : UInt64.random(in: module.codeStart..<module.codeEnd, using: &generator)
        func somewhere() -> UInt64 {
          switch Int.random(in: 0..<4, using: &generator) {
          case 0: return UInt64.random(in: 0...UInt64.max, using: &generator)
          case 1: return UInt64.random(in: module.start..<module.end, using: &generator)
          case 2: return UInt64.random(in: low..<high, using: &generator)
          default: return UInt64.random(in: here..<high, using: &generator) & ~7
          }
        }
        var unwinder = Unwinder(
          in: recording, stackLow: round % 3 == 0 ? 0 : low, stackHigh: high,
          here: here)
        unwinder.isThorough = round % 5 == 0
        unwinder.start(pc: pc, sp: somewhere(), fp: somewhere())
        _ = walk(&unwinder, into: &frames, capacity: 64, dropping: 0)
      }
    }
  }
}
