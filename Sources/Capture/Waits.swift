// SPDX-License-Identifier: Apache-2.0
import Recording

/// Called on the thread itself after each hooked call that may have waited, with the lane free again.
/// `blocked`: the thread was switched out since its CPU clock was last synchronised, and so perhaps in this
/// call; always true where the system is asked for CPU time each time. What it waited is in the node's
/// `IORecord` already.
@inline(__always)
func waited(_ ticks: UInt64, on lane: UnsafeMutablePointer<Lane>, blocked: Bool) {}
