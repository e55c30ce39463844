// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import PrognosTool

@Suite("Programs to run")
struct ExecutableTests {
  @Test("Sizes are numbers, with K, M and G for powers of 1024")
  func sizes() {
    #expect(ByteCount(argument: "1")?.bytes == 1)
    #expect(ByteCount(argument: "64k")?.bytes == 65_536)
    #expect(ByteCount(argument: "3MiB")?.bytes == 3 << 20)
    #expect(ByteCount(argument: "2G")?.bytes == 2 << 30)
    for wrong in ["", "K", "-1", "1.5M", "1T", "99999999999999999999", "18014398509481984K"] {
      #expect(ByteCount(argument: wrong) == nil, "\(wrong)")
    }
  }
}
