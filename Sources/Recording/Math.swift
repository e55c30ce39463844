// SPDX-License-Identifier: Apache-2.0
import CShim

/// What libm knows of.
public enum Math {
  public static func log(_ x: Double) -> Double { shim_log(x) }
  public static func log2(_ x: Double) -> Double { shim_log2(x) }
  public static func exp(_ x: Double) -> Double { shim_exp(x) }
  public static func expm1(_ x: Double) -> Double { shim_expm1(x) }
  public static func pow(_ x: Double, _ y: Double) -> Double { shim_pow(x, y) }
  public static func tanh(_ x: Double) -> Double { shim_tanh(x) }
  /// The complementary error function.
  public static func erfc(_ x: Double) -> Double { shim_erfc(x) }
  public static func cos(_ x: Double) -> Double { shim_cos(x) }
  public static func sin(_ x: Double) -> Double { shim_sin(x) }
}
