// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

@_cdecl("prognos_peak_read") @implementation
public func prognos_peak_read(
  _ out: UnsafeMutablePointer<prognos_peak>!, _ size: Int
) -> prognos_status {
  readAnswer(.peak, prognos_peak(), out, size, "prognos_peak_read")
}

@_cdecl("prognos_scalability_read") @implementation
public func prognos_scalability_read(
  _ out: UnsafeMutablePointer<prognos_scalability>!, _ size: Int
) -> prognos_status {
  readAnswer(.scalability, prognos_scalability(), out, size, "prognos_scalability_read")
}

@_cdecl("prognos_productivity_read") @implementation
public func prognos_productivity_read(
  _ out: UnsafeMutablePointer<prognos_productivity>!, _ size: Int
) -> prognos_status {
  readAnswer(.productivity, prognos_productivity(), out, size, "prognos_productivity_read")
}
