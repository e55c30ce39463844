// SPDX-License-Identifier: Apache-2.0
import CShim

/// Runs `body`, which may call the system, without changing the host's errno, and without being
/// cancelled in the midst of it.
public func undisturbed<R>(_ body: () -> R) -> R {
  let saved = shim_errno()
  let cancelState = shim_cancel_disable()
  defer {
    shim_cancel_restore(cancelState)
    shim_errno_set(saved)
  }
  return body()
}
