// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Symbols

@Suite("Readable names")
struct NameTests {
  private func readable(_ name: String) -> String {
    String(decoding: Demangler().readable(Array(name.utf8)), as: UTF8.self)
  }

  @Test(
    "C++ names are demangled, with their parameters",
    arguments: [
      ("_ZN3foo3barEi", "foo::bar(int)"),
      (
        "_ZNSt6vectorIiSaIiEE9push_backERKi",
        "std::vector<int, std::allocator<int> >::push_back(int const&)"
      ),
      ("_ZN3foo3barEv.cold", "foo::bar() [clone .cold]"),
    ])
  func cxx(_ mangled: String, _ name: String) { #expect(readable(mangled) == name) }

  @Test(
    "Swift names are demangled",
    arguments: [
      ("$s4main3fooyyF", "main.foo() -> ()"), ("_$s4main3fooyyF", "main.foo() -> ()"),
    ])
  func swift(_ mangled: String, _ name: String) { #expect(readable(mangled) == name) }

  @Test(
    "Rust's legacy names lose their escapes and their hash",
    arguments: [
      ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
      ("_ZN4core3fmt5write17h0123456789abcdefE.llvm.4711", "core::fmt::write"),
      (
        "_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE",
        "core::ptr::drop_in_place<alloc::string::String>"
      ),
      (
        "_ZN59_$LT$std..io..Empty$u20$as$u20$core..fmt..Debug$LP$$RP$$GT$3fmt17h0123456789abcdefE",
        "<std::io::Empty as core::fmt::Debug()>::fmt"
      ),
      (
        "_ZN37_$LT$$RF$$BP$T$C$$u5b$u8$u5d$$SP$$GT$1f17h0123456789abcdefE",
        "<&*T,[u8]@>::f"
      ),
      ("_ZN9my..E..fn3foo17h0123456789abcdefE", "my::E::fn::foo"),
      ("_ZN9my..E..fn3foo17h0123456789abcdefE.llvm.1", "my::E::fn::foo"),
      ("_ZN1a10b$XX$$u01$17h0123456789abcdefE", "a::b$XX$$u01$"),
    ])
  func rust(_ mangled: String, _ name: String) { #expect(readable(mangled) == name) }

  @Test(
    "What only looks like a name of Rust is one of C++, or stays as it is",
    arguments: [
      ("_ZN1a17hello_world_wide_E", "a::hello_world_wide_"),
      ("_ZN1a17h0123456789abcdegEv", "a::h0123456789abcdeg()"),
      ("_ZN9999999999999999999999999999999999E", "_ZN9999999999999999999999999999999999E"),
      ("_ZNE", "_ZNE"), ("_Z", "_Z"), ("_ZN", "_ZN"), ("_ZN0E", "_ZN0E"), ("$s", "$s"),
      ("_$", "_$"),
      ("$sXYZ", "$sXYZ"), ("main", "main"), ("_RNvC1a1b", "_RNvC1a1b"), ("", ""),
    ])
  func others(_ mangled: String, _ name: String) { #expect(readable(mangled) == name) }

  @Test("A long name is cut at 255 bytes, between characters")
  func long() {
    #expect(readable(String(repeating: "a", count: 5000)).utf8.count == 255)
    #expect(readable("a" + String(repeating: "\u{E9}", count: 500)).utf8.count == 255)
    #expect(readable(String(repeating: "\u{E9}", count: 500)).utf8.count == 254)
    let deep = "_Z1f" + String(repeating: "P", count: 100_000) + "i"
    #expect(readable(deep) == deep.prefix(255))
  }

  @Test("What is no UTF-8 and what controls a terminal becomes a question mark")
  func clean() {
    func clean(_ bytes: [UInt8]) -> String { String(decoding: cleaned(bytes), as: UTF8.self) }
    #expect(clean([0x61, 0x1B, 0x5B, 0x7F, 0x0A, 0x62]) == "a?[??b")
    #expect(clean([0xC2, 0x9B, 0x61, 0xC2, 0xA0]) == "??a\u{A0}")
    #expect(clean([0xFF, 0xC0, 0xAF, 0xED, 0xA0, 0x80, 0xE2, 0x82]) == "????????")
    for bytes in ["\u{E9}", "\u{20AC}", "\u{1F600}", "\u{D7FF}", "\u{10FFFF}"].map({
      Array($0.utf8)
    }) {
      #expect(cleaned(bytes) == bytes)
      for count in 1..<bytes.count {
        #expect(cleaned(Array(bytes.prefix(count))).allSatisfy { $0 == 0x3F })
      }
    }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let bytes = (0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(String(validating: cleaned(bytes), as: UTF8.self) != nil, "\(bytes)")
    }
  }

  @Test("Functions of C++ and of Rust get their names", .enabled(if: hasTools, "needs g++ and nm"))
  func compiled() throws {
    let shop = try Workshop()
    try shop.write(
      """
      namespace shop { struct Till { __attribute__((noinline)) int add(int x) { return x * 3; } }; }
      extern "C" int rusty() __asm__("_ZN4till3add17h0123456789abcdefE");
      int rusty() { return 1; }
      int main(int c, char **) { shop::Till till; return till.add(c) + rusty(); }
      """, to: "program.cpp")
    try shop.run("g++", "-O1", "program.cpp", "-o", "program")
    let functions = try shop.functions(of: "program")
    for (mangled, name) in [
      ("_ZN4shop4Till3addEi", "shop::Till::add(int)+0"),
      ("_ZN4till3add17h0123456789abcdefE", "till::add+0"),
    ] {
      let start = try #require(functions.first { $0.name == mangled }?.start)
      #expect(names(of: shop.path("program"), at: [start]) == [name])
    }
  }
}
