# SPDX-License-Identifier: Apache-2.0
"""A terminal to drive by keys: tmux, with a server of its own."""

import os
import re
import shutil
import subprocess
import time

import pytest


class Terminal:
    """A pane that runs a shell, in which the command is typed."""

    def __init__(self, directory, environment, width=80, height=24):
        if shutil.which("tmux") is None:
            pytest.skip("tmux is not installed: run scripts/setup")
        self.socket = str(directory / "tmux")
        self.environment = {**environment, "PS1": "$ ", "ENV": ""}
        self.environment.pop("TMUX", None)
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", "test", "-x", width, "-y", height, "sh"
        )
        self.tmux("set-option", "-g", "status", "off")
        self.resize(width, height)
        self.wait(r"[$#]$")

    def tmux(self, *words):
        done = subprocess.run(
            ["tmux", "-u", "-S", self.socket, *map(str, words)],
            capture_output=True,
            env=self.environment,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout.decode("utf-8")

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)

    def resize(self, width, height):
        self.tmux("resize-window", "-t", "test", "-x", width, "-y", height)

    def keys(self, *keys):
        """Keys by tmux's names: "Enter", "Down", "C-c", "q"."""
        for key in keys:
            self.tmux("send-keys", "-t", "test", key)

    def type(self, text):
        self.tmux("send-keys", "-t", "test", "-l", text)

    def run(self, command):
        self.type(command)
        self.keys("Enter")

    def lines(self):
        """What the screen shows, without spaces at the ends of lines."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", "-t", "test").split("\n")]

    def text(self):
        return "\n".join(self.lines()).rstrip("\n")

    def coloured(self):
        return self.tmux("capture-pane", "-p", "-e", "-t", "test")

    def ask(self, what):
        """One of tmux's variables: "alternate_on", "cursor_flag"."""
        return self.tmux("display-message", "-p", "-t", "test", f"#{{{what}}}").strip()

    def wait(self, pattern, seconds=60):
        """Until the screen shows it; returns the screen."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = self.text()
            if re.search(pattern, text, re.M):
                return text
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} is not on the screen:\n{self.text()}")

    def gone(self, pattern, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not re.search(pattern, self.text(), re.M):
                return
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} is still on the screen:\n{self.text()}")


def process_of(terminal, name="prognos"):
    """The ID of the command that the pane's shell runs."""
    shell = terminal.ask("pane_pid")
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                stat = file.read()
        except OSError:
            continue
        command = stat[stat.index("(") + 1 : stat.rindex(")")]
        if command.startswith(name) and stat[stat.rindex(")") + 2 :].split()[1] == shell:
            return int(entry)
    raise AssertionError(f"no {name} runs in the terminal")
