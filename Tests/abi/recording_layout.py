# SPDX-License-Identifier: Apache-2.0
"""Reads a recording's file by what docs/recording.md says of it, and by nothing else."""

import struct

PAGE = 4096


class Recording:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        assert self.data[16:24] == b"PROGNOS\0", "no magic number"
        assert self.u32(24) == 3, "format version"
        assert self.u32(28) == 0x01020304, "byte order"
        assert self.u64(40) <= len(self.data), "cut short"
        self.process_id = self.u32(32)
        self.state = self.u32(PAGE + 48)

    def u32(self, at):
        return struct.unpack_from("<I", self.data, at)[0]

    def u64(self, at):
        return struct.unpack_from("<Q", self.data, at)[0]

    def text(self, at):
        return self.data[at : self.data.index(b"\0", at)].decode()

    def identity_text(self, offset):
        return self.text(PAGE + offset)

    def operation_names(self):
        """By handle, from 1 on."""
        operations, names = self.u32(56), self.u32(68)
        return {
            handle: self.text(names + self.u32(operations + 128 * handle))
            for handle in range(1, self.u32(4) + 1)
        }

    def f64(self, at):
        return struct.unpack_from("<d", self.data, at)[0]

    def lanes(self):
        for index in range(self.u32(92)):
            lane = self.u32(self.u32(80) + 4 * index)
            if lane:
                yield lane

    def nodes(self, lane):
        node = self.u32(lane + 196)
        while node:
            yield node
            node = self.u32(node + 48)

    def counts(self):
        """Finished calls of each operation, by name."""
        names, counts = self.operation_names(), {}
        for lane in self.lanes():
            for node in self.nodes(lane):
                operation = self.u32(node + 40)
                if operation:
                    name = names[operation]
                    counts[name] = counts.get(name, 0) + self.u64(node + 8)
        for handle, name in names.items():  # calls that found no memory for a path
            pathless = self.u64(self.u32(56) + 128 * handle + 16)
            if pathless:
                counts[name] = counts.get(name, 0) + pathless
        return counts

    def sums(self, field):
        """A field of 8 bytes of all nodes, by name; None for what was outside of operations."""
        names, found = self.operation_names(), {None: 0}
        for lane in self.lanes():
            for node in self.nodes(lane):
                name = names.get(self.u32(node + 40))
                found[name] = found.get(name, 0) + self.u64(node + field)
        return found

    def wall_ticks(self):
        return self.sums(16)

    def failed(self):
        return self.sums(56)

    def allocations(self):
        """Bytes and calls, by name."""
        sizes, calls = self.sums(320), self.sums(328)
        return {name: (sizes[name], calls[name]) for name in sizes}

    def transfers(self):
        """Calls and bytes of reads, and of writes, by name."""
        names, found = self.operation_names(), {}
        records = [
            (names.get(self.u32(node + 40)), self.u32(node + 352))
            for lane in self.lanes()
            for node in self.nodes(lane)
        ]
        for name, record in [*records, (None, self.u32(464))]:
            if record:
                before = found.get(name, (0, 0, 0, 0))
                kinds = [record + 48 * kind for kind in range(5)]
                mine = [sum(self.u64(at + field) for at in kinds) for field in (0, 8, 24, 32)]
                found[name] = tuple(a + b for a, b in zip(before, mine, strict=True))
        return found

    def paths(self):
        """Finished calls by path: names joined by ">", the outermost first."""
        names, found = self.operation_names(), {}
        for lane in self.lanes():
            for node in self.nodes(lane):
                at, path = node, []
                while self.u32(at + 44):
                    path.insert(0, names[self.u32(at + 40)])
                    at = self.u32(at + 44)
                if path:
                    text = ">".join(path)
                    found[text] = found.get(text, 0) + self.u64(node + 8)
        return found

    def records(self, table, size):
        """Offsets of a table's records."""
        directory, used = self.u32(table), self.u32(table + 4)
        per_chunk = 8 * PAGE // size
        for index in range(used if directory else 0):
            chunk = self.u32(directory + index // per_chunk * 4)
            yield chunk + index % per_chunk * size

    def open_spans(self):
        """Names of spans that have not ended, those with a thread in them first."""
        names, suspended, entered = self.operation_names(), [], []
        for span in self.records(488, 128):
            state = self.u64(span) & 0xFFFFFFFF
            if state > 2:
                entered.append(names[self.u32(span + 16)])
            elif state:
                suspended.append(names[self.u32(span + 16)])
        return entered + suspended

    def sessions(self):
        """By name: whether it is open, its calls, failed ones, wall ticks."""
        return {
            self.text(record + 16): (
                self.u64(record) >> 31 & 1 == 1,
                *(self.u64(record + field) for field in (112, 120, 128)),
            )
            for record in self.records(544, 512)
            if self.u64(record + 88)
        }

    def events(self, lane):
        """The last events of a lane, the oldest first: kind, time stamp, operation."""
        place, position, epoch = (self.u64(lane + field) for field in (328, 336, 344))
        start, mask = place & 0xFFFFFFFF, place >> 32
        if not place:
            return []
        words = [
            self.u64(start + 8 * (number & mask))
            for number in range(max(0, position - mask - 1 + 8), position)
        ]
        after = [(word >> 4) & 0xFFFFFF for word in words if word & 15 == 13]
        before = [(word >> 28) & 0xFFFFFF for word in words if word & 15 == 13]
        epochs = [number << 40 for number in [*before[:1], *after]] or [epoch]
        found = []
        for word in words:
            kind = word & 15
            assert 1 <= kind <= 13, f"kind {kind}"
            if kind == 13:
                epochs.pop(0)
            elif kind < 7:
                found.append((kind, epochs[0] + (word >> 24), word >> 4 & 0xFFFFF))
        return found

    def answers(self, zone, size):
        """The entries of a zone of the assessment, as bytes: those that are kept."""
        offset, room = self.u32(1152 + 16 + 4 * zone), self.u32(1152 + 176 + 4 * zone)
        if self.u32(1152 + 8) == 0 or room == 0:
            return []
        words = (size + 7) // 8 * 8
        count = min(self.u64(offset), (room - 8) // words)
        return [self.data[offset + 8 + i * words :][:size] for i in range(count)]

    def crash_notes(self):
        """State, signal, and names of the operations, the outermost first."""
        names, notes = self.operation_names(), self.u32(1136)
        for note in range(notes, notes + 4 * 1024, 1024) if notes else ():
            if self.u32(note):
                count = self.u32(note + 64)
                inner = [names[self.u32(note + 368 + 4 * index)] for index in range(count)]
                yield self.u32(note), self.u32(note + 4), inner[::-1]

    def open_operations(self):
        """Names of what is open on each thread, by thread ID, the innermost first."""
        names, found = self.operation_names(), {}
        for lane in self.lanes():
            if self.u32(lane + 4) == 0:  # no thread's
                continue
            frame, stack = self.u32(lane) & ~63, []
            while True:
                key = self.u64(frame)
                mark = key >> 32
                if mark == 1:  # the lowest frame
                    break
                if mark == 2:  # the lowest of a further segment
                    frame = self.u64(frame + 16)
                    continue
                if mark in (0, 5, 6) and key & 0xFFFFFFFF:
                    stack.append(names[key & 0xFFFFFFFF])
                frame -= 64
            found[self.u32(lane + 56)] = stack
        return found
