// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// The hot functions are marked @_noLocks, which the compiler checks through every call but cannot for
// imported C. All C that they call is wrapped here, and nowhere else.

/// The calling thread's lane; nil before its first call.
@_semantics("no_performance_analysis") @inline(__always)
func currentLane() -> UnsafeMutablePointer<Lane>? {
  shim_slot()?.assumingMemoryBound(to: Lane.self)
}

/// The cycle counter.
@_semantics("no_performance_analysis") @inline(__always)
func counterTicks() -> UInt64 { shim_counter() }

/// Whether the thread stayed on its CPU since the CPU clock was last synchronised.
@_semantics("no_performance_analysis") @inline(__always)
func stayedOnCPU(_ lane: UnsafeMutablePointer<Lane>) -> Bool {
  shim_load(switchWord(lane)) == lane.pointee.unswitched.value
}

/// The word that `stayedOnCPU` reads: an address of this process, put there by `CPUClock`.
@_semantics("no_performance_analysis") @inline(__always)
func switchWord(_ lane: UnsafeMutablePointer<Lane>) -> UnsafeMutableRawPointer {
  UnsafeMutableRawPointer(
    bitPattern: UInt(truncatingIfNeeded: lane.pointee.switchWord.value)
  ).unsafelyUnwrapped
}

@_semantics("no_performance_analysis") @inline(__always)
func originalFree(_ block: UnsafeMutableRawPointer?) { shim_original_free(block) }

/// The bytes of a block, as glibc handed them out.
@_semantics("no_performance_analysis") @inline(__always)
func sizeByHeader(_ block: UnsafeMutableRawPointer) -> UInt64 {
  UInt64(truncatingIfNeeded: shim_glibc_size(block))
}

/// The bytes of a block, as its allocator handed them out.
@_semantics("no_performance_analysis") @inline(__always)
func usableSize(_ block: UnsafeMutableRawPointer) -> UInt64 {
  UInt64(truncatingIfNeeded: shim_usable_size(block))
}

/// Keeps the stores before it before those after it in the eyes of a signal handler on this thread.
@_semantics("no_performance_analysis") @inline(__always)
func orderForSignals() { shim_signal_fence() }

/// Keeps the stores before it before those after it in the eyes of other threads. No instruction on
/// x86-64.
@_semantics("no_performance_analysis") @inline(__always)
func orderForReaders() { atomicMemoryFence(ordering: .releasing) }

// MARK: What the unwinder reads. Its addresses are numbers until they were checked.

/// A word of this process's memory. The caller vouches for its being readable.
@_semantics("no_performance_analysis") @inline(__always)
func word(at address: UInt64) -> UInt64 {
  raw(address).loadUnaligned(as: UInt64.self)
}

@_semantics("no_performance_analysis") @inline(__always)
func byte(at address: UInt64) -> UInt8 { raw(address).load(as: UInt8.self) }

@_semantics("no_performance_analysis") @inline(__always)
private func raw(_ address: UInt64) -> UnsafeRawPointer {
  UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: address)).unsafelyUnwrapped
}

@_semantics("no_performance_analysis") @inline(__always)
func isReadable(_ address: UInt64) -> Bool { shim_is_readable(address) }

@_semantics("no_performance_analysis") @inline(__always)
func stackPointer() -> UInt64 { shim_stack_pointer() }

/// The registers here, as `shim_registers` orders them.
@_semantics("no_performance_analysis") @inline(__always)
func readRegisters(_ out: UnsafeMutablePointer<UInt64>) { shim_registers(out) }
