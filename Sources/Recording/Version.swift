// SPDX-License-Identifier: Apache-2.0

/// The library's version: the same as PROGNOS_VERSION_* of the header, which a test compares.
public enum Version {
  public static var text: StaticString { "1.0.0" }
}
