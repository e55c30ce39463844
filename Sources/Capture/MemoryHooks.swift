// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

// What the allocation hooks report. A block counts in the call-tree node that is innermost on the calling
// thread: begin and end have nothing to do, and readers add up the tree.

#if hasFeature(Embedded)
  @_noLocks
#endif
@c(shim_count_malloc) @implementation
public func shim_count_malloc(_ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let block, let lane = currentLane() else { return mallocCarefully(block) }
  let size = sizeByHeader(block)
  let recording = attachedRecording()
  let node = innermostNode(of: lane, in: recording)
  node.pointee.memory.countAllocation(size)
  let left = lane.pointee.bytesUntilSample.value &- size
  lane.pointee.bytesUntilSample.set(left)
  return Int64(bitPattern: left) < 0 ? sampled(block) : block
}

#if hasFeature(Embedded)
  @_noLocks
#endif
@c(shim_hooked_glibc_free) @implementation
public func shim_hooked_glibc_free(_ block: UnsafeMutableRawPointer?) {
  guard let block, let lane = currentLane() else { return freeCarefully(block) }
  let recording = attachedRecording()
  if recording.maySample(address: address(of: block)) { return freeCarefully(block) }
  let node = innermostNode(of: lane, in: recording)
  node.pointee.memory.countFree(sizeByHeader(block))
  originalFree(block)
}

/// The call-tree node that is innermost on a lane: its root when nothing is open.
@inline(__always)
func innermostNode(
  of lane: UnsafeMutablePointer<Lane>, in recording: Recording
) -> UnsafeMutablePointer<CallNode> {
  let frame = recording.frame(top: lane.pointee.top.value)
  return recording.at(frame.pointee.node.value & ~CallNode.pathless)
}

/// The operation that is innermost on the calling thread: 0 for none.
public func currentOperation() -> UInt32 {
  guard let lane = currentLane() else { return 0 }
  return attachedRecording().frame(top: lane.pointee.top.value).pointee.operation
}

@inline(__always)
private func address(of block: UnsafeMutableRawPointer) -> UInt64 {
  UInt64(UInt(bitPattern: block))
}

// MARK: The rarer cases

// Not optimised, so that the compiler does not see that the block is what comes back: then the fast path
// jumps here at its end and needs no frame.
@_semantics("no_performance_analysis") @inline(never) @_optimize(none)
private func mallocCarefully(_ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let block { shim_allocated(block) }
  return block
}

@_semantics("no_performance_analysis") @inline(never)
private func freeCarefully(_ block: UnsafeMutableRawPointer?) {
  if let block { shim_freed(block) }
  originalFree(block)
}

@_semantics("no_performance_analysis") @inline(never) @_optimize(none)
private func sampled(_ block: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
  if let lane = currentLane() { sample(address(of: block), usableSize(block), on: lane) }
  return block
}

/// A block was handed out.
@c(shim_allocated) @implementation
public func shim_allocated(_ block: UnsafeMutableRawPointer) {
  countAllocated(usableSize(block), at: address(of: block))
}

public func countAllocated(_ bytes: UInt64, at address: UInt64, isPooled: Bool = false) {
  if let lane = currentLane() ?? attachFromHook() {
    let node = innermostNode(of: lane, in: attachedRecording())
    node.pointee.memory.countAllocation(bytes)
    let left = lane.pointee.bytesUntilSample.value &- bytes
    lane.pointee.bytesUntilSample.set(left)
    if Int64(bitPattern: left) < 0 { sample(address, bytes, on: lane, isPooled: isPooled) }
  } else if let recording = existingRecording() {
    recording.header.pointee.laneless.countAllocationShared(bytes)
  }
}

/// A block of an allocator that cannot be asked for sizes is given back: only that of a sampled one is known, and
/// stands for all that were not.
public func countFreedByHost(at address: UInt64) {
  var bytes = 0.0
  if let recording = existingRecording(), recording.maySample(address: address),
    let block = recording.takeSample(address: address)
  {
    bytes = Double(block.bytes) * recording.heapWeight(of: block)
  }
  countFreed(UInt64(min(bytes.rounded(), 0x1p62)))
}

/// A block is about to be given back.
@c(shim_freed) @implementation
public func shim_freed(_ block: UnsafeMutableRawPointer) {
  countFreed(usableSize(block))
  if let recording = existingRecording(), recording.maySample(address: address(of: block)) {
    _ = recording.takeSample(address: address(of: block))
  }
}

private func countFreed(_ bytes: UInt64, blocks: UInt64 = 1) {
  if let lane = currentLane() ?? attachFromHook() {
    let node = innermostNode(of: lane, in: attachedRecording())
    node.pointee.memory.countFree(bytes, blocks: blocks)
  } else if let recording = existingRecording() {
    recording.header.pointee.laneless.countFreeShared(bytes)
  }
}

/// Keeps a block that a Poisson process of bytes has hit, and draws the distance to the next hit.
private func sample(
  _ address: UInt64, _ bytes: UInt64, on lane: UnsafeMutablePointer<Lane>, isPooled: Bool = false
) {
  let recording = attachedRecording()
  var doublings = lane.pointee.sampleDoublings.value
  drawNextSample(on: lane, of: recording)
  guard recording.header.pointee.heapFilterOffset.value != 0 else { return }
  let innermost = innermostNode(of: lane, in: recording)
  if innermost.pointee.operation.value == 0 {
    let coarse = recording.heapDoublingsOutside(doublings)
    let stays =
      recording.heapProbability(bytes: bytes, doublings: coarse)
      / recording.heapProbability(bytes: bytes, doublings: doublings)
    if coarse > doublings && uniform(on: lane) >= stays { return }
    doublings = coarse
  }
  let now = ticks(in: recording)
  recording.noteHeapSample(at: now) { 1e9 / recording.nanosecondsPerTickSoFar }
  let node = recording.offset(of: innermost)
  let site = siteOfAllocation(on: lane, of: recording)
  if let site {
    let weight = 1 / recording.heapProbability(bytes: bytes, doublings: doublings)
    site.pointee.allocatedBytes.add(UInt64((Double(bytes) * weight).rounded()))
    site.pointee.allocations.add(UInt64(weight + uniform(on: lane)))  // right on average
  }
  var kept = HeapBlock(
    bytes: bytes, node: node, site: site.map { recording.offset(of: $0) } ?? 0,
    doublings: doublings, generation: generation(of: innermost, at: now, in: recording))
  kept.marks.isPooled = isPooled
  _ = recording.keepSample(address: address, kept)
  recording.thinHeapSamples { uniform(on: lane) }
}

/// How many calls a node has finished; of a root, which has none, the time in steps of some milliseconds.
private func generation(
  of node: UnsafeMutablePointer<CallNode>, at ticks: UInt64, in recording: Recording
) -> UInt32 {
  if node.pointee.operation.value != 0 {
    return UInt32(truncatingIfNeeded: node.pointee.ended.value)
  }
  return UInt32(truncatingIfNeeded: (ticks &- recording.header.pointee.startTicks.value) &>> 23)
}

/// The call site of an allocation, where stacks are tracked.
private func siteOfAllocation(
  on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) -> UnsafeMutablePointer<Site>? {
  guard recording.header.pointee.liveTracks.value & PROGNOS_TRACK_STACKS != 0 else { return nil }
  return siteHere(on: lane, of: recording, context: nil)
}

/// Distances between the hits of a Poisson process are exponentially distributed.
func drawNextSample(on lane: UnsafeMutablePointer<Lane>, of recording: Recording) {
  let doublings = recording.heapDoublings
  lane.pointee.sampleDoublings.set(doublings)
  let distance = -shim_log(1 - uniform(on: lane)) * recording.heapMean(doublings: doublings)
  lane.pointee.bytesUntilSample.set(UInt64(min(distance, 0x1p62)))
}

/// A number in 0..<1 of the lane's own sequence (Steele, Lea, Flood: "Fast splittable pseudorandom
/// number generators", 2014).
func uniform(on lane: UnsafeMutablePointer<Lane>) -> Double {
  lane.pointee.random.add(0x9E37_79B9_7F4A_7C15)
  var z = lane.pointee.random.value
  z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
  z ^= z &>> 31
  return Double(z &>> 11) * 0x1p-53
}

// MARK: Pools

/// A block of a pool was handed out.
@c(shim_pool_allocated) @implementation
public func shim_pool_allocated(_ block: UnsafeMutableRawPointer, _ bytes: Int) {
  countAllocated(UInt64(truncatingIfNeeded: bytes), at: address(of: block), isPooled: true)
}

/// A block of a pool, or one of malloc, is given back: nobody can tell before. Sampled ones of pools stand for all.
@c(shim_pool_freed) @implementation
public func shim_pool_freed(_ block: UnsafeMutableRawPointer) {
  let address = address(of: block)
  guard let recording = existingRecording(), recording.maySample(address: address),
    let sampled = recording.takeSample(address: address)
  else { return }
  guard sampled.marks.isPooled else {
    _ = recording.keepSample(address: address, sampled)
    return
  }
  let weight = recording.heapWeight(of: sampled)
  countFreed(
    UInt64(min(Double(sampled.bytes) * weight, 0x1p62)), blocks: UInt64(min(weight, 0x1p62)))
}

// MARK: realloc

/// Takes a block from the books before the original may give it to somebody else.
@c(shim_freed_tentatively) @implementation
public func shim_freed_tentatively(_ block: UnsafeMutableRawPointer) -> shim_block {
  var before = shim_block()
  before.bytes = usableSize(block)
  if let recording = existingRecording(), recording.maySample(address: address(of: block)),
    let sampled = recording.takeSample(address: address(of: block))
  {
    before.is_sampled = 1
    before.sampled_bytes = sampled.bytes
    before.node = sampled.node
    before.site = sampled.site
    before.doublings = sampled.doublings
    before.generation = sampled.generation
  }
  return before
}

/// A reallocation counts as a free of the old block and an allocation of the new one.
@c(shim_reallocated) @implementation
public func shim_reallocated(
  _ block: UnsafeMutableRawPointer, _ before: UnsafePointer<shim_block>
) {
  shim_allocated(block)
  if before.pointee.bytes > 0 { countFreed(before.pointee.bytes) }
}

@c(shim_free_failed) @implementation
public func shim_free_failed(
  _ block: UnsafeMutableRawPointer, _ before: UnsafePointer<shim_block>
) {
  guard before.pointee.is_sampled != 0, let recording = existingRecording() else { return }
  let kept = HeapBlock(
    bytes: before.pointee.sampled_bytes, node: before.pointee.node, site: before.pointee.site,
    doublings: before.pointee.doublings, generation: before.pointee.generation)
  _ = recording.keepSample(address: address(of: block), kept)
}

// MARK: Mappings

@c(shim_mapped) @implementation
public func shim_mapped(_ start: UnsafeMutableRawPointer, _ bytes: Int) {
  guard let lane = currentLane() ?? attachFromHook() else { return }
  let recording = attachedRecording()
  let node = innermostNode(of: lane, in: recording)
  let whole = wholePages(bytes)
  node.pointee.memory.countAllocation(whole)
  let site = siteOfAllocation(on: lane, of: recording)
  site?.pointee.allocatedBytes.add(whole)
  site?.pointee.allocations.add(1)
  recording.keepMapping(
    start: address(of: start), bytes: whole, node: recording.offset(of: node),
    site: site.map { recording.offset(of: $0) } ?? 0,
    generation: generation(of: node, at: ticks(in: recording), in: recording))
}

private func wholePages(_ bytes: Int) -> UInt64 {
  let page = UInt64(truncatingIfNeeded: shim_page_bytes())
  return (UInt64(UInt(bitPattern: bytes)) &+ page &- 1) & ~(page &- 1)
}

@c(shim_unmapping) @implementation
public func shim_unmapping(_ start: UnsafeMutableRawPointer?, _ bytes: Int) -> shim_mapping {
  guard let start, let recording = existingRecording() else { return shim_mapping() }
  let known = recording.takeMappings(start: address(of: start), bytes: wholePages(bytes))
  return shim_mapping(
    start: known.start, bytes: known.bytes, node: known.node, site: known.site,
    generation: known.generation)
}

@c(shim_unmapped) @implementation
public func shim_unmapped(_ before: UnsafePointer<shim_mapping>, _ done: Bool) {
  let known = before.pointee
  guard known.bytes > 0 else { return }
  if done { return countFreed(known.bytes) }
  existingRecording()?.keepMapping(
    start: known.start, bytes: known.bytes, node: known.node, site: known.site,
    generation: known.generation)
}

@c(shim_attach) @implementation
public func shim_attach() { _ = currentLane() ?? attachFromHook() }
