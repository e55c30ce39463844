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
