# SPDX-License-Identifier: Apache-2.0
"""prognos top, driven in a terminal by keys."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import TOOL
from terminal import Terminal, process_of

COLUMNS = r"^OPERATION +CALLS +RATE/S▼ +FAILED"


@pytest.fixture
def terminal(places, tmp_path):
    made = []

    def make(width=80, height=24, **environment):
        made.append(Terminal(tmp_path, {**places.environment, **environment}, width, height))
        return made[-1]

    yield make
    for one in made:
        one.close()


def watch(terminal, host, *words):
    """A terminal in which top shows a host."""
    terminal.run(f"{TOOL} top {host.pid} {' '.join(words)}; echo status $?")
    terminal.wait(COLUMNS)
    # The second look: rates are of the time between two.
    terminal.wait(r"^operations +[1-9][\d.]*/s")
    return terminal


def rows(terminal):
    """The names in the table, from the top."""
    lines = terminal.lines()
    start = next(i for i, line in enumerate(lines) if line.startswith("OPERATION")) + 1
    names = []
    for line in lines[start:]:
        if not line or line.startswith("OPEN"):
            break
        names.append(re.match(r"(\S+( \S+)*?) {1,}[\d-]", line + " -").group(1))
    return names


def restored(terminal):
    """The terminal is as it was before: the shell's screen, its cursor, echo, lines."""
    assert terminal.ask("alternate_on") == "0"
    assert terminal.ask("cursor_flag") == "1"
    terminal.run("stty -a | tr ';' '\\n' | grep -c -w -e icanon -e echo")
    terminal.wait(r"^[12]$")
    terminal.run("stty -a | grep -c -e ' -icanon' -e ' -echo ' -e ' -opost' -e ' -isig'")
    terminal.wait(r"^0$")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_a_screen_shows_the_process_and_its_operations(terminal, host, width, height):
    one = host()
    screen = watch(terminal(width, height), one)
    lines = screen.lines()
    assert re.match(rf"prognos top  tool_host  pid {one.pid}  live  recorded \d", lines[0])
    assert re.match(r"CPU +[\d.]+ % .* resident +[\d.]+ MiB", lines[1])
    assert re.match(r"operations +[\d.]+/s .* I/O +[\d.]+ ?", lines[2])
    assert re.match(r"\d+ threads  \d+ files  [\d.]+ errors/min  now \(1 s\)  4 of 4 op", lines[3])
    assert set(rows(screen)) == {"request", "parse", "größe 日本語", "serve"}
    assert any(re.match(r" +[\d.]+ (s|ms|µs)  serve  tool_host \d+$", line) for line in lines)
    assert lines[height - 1].startswith("q quit   ? help")
    assert all(len(line) <= width for line in lines)
    text = screen.text()
    assert ("ALLOC/S" in text) == (width >= 120)
    # The second look comes too soon to be drawn.
    screen.wait(r"^parse .*[▁▂▃▄▅▆▇█]$")
    screen.keys("q")
    screen.wait(r"^status 0$")
    restored(screen)


def test_columns_stay_in_line_beside_wide_characters(terminal, host):
    screen = watch(terminal(100, 30), host())
    screen.keys("p")
    lines = screen.lines()
    title = next(line for line in lines if line.startswith("OPERATION"))
    wide = next(line for line in lines if line.startswith("größe 日本語"))
    other = next(line for line in lines if line.startswith("parse"))
    assert other[: title.index("CALLS") + 5].rstrip()[-1].isdigit()
    # Each of the three wide characters takes two columns.
    assert wide[: title.index("CALLS") + 5 - 3].rstrip()[-1].isdigit()


def test_it_follows_the_size_of_the_window(terminal, host):
    screen = watch(terminal(), host())
    for width, height in [(120, 40), (60, 15), (200, 50)]:
        screen.resize(width, height)
        screen.wait(rf"\A(.*\n){{{height - 1}}}q quit")
        lines = screen.lines()[:height]
        assert max(map(len, lines)) <= width
        assert ("ALLOC/S" in screen.text()) == (width >= 120)
    screen.resize(30, 5)
    screen.wait(r"prognos top needs 40 x 10")
    screen.resize(80, 24)
    screen.wait(COLUMNS)


def test_keys_sort_and_reverse(terminal, host):
    screen = watch(terminal(120, 30), host())
    screen.keys("p")
    screen.wait("PAUSED")
    screen.keys("<")
    screen.wait(r"CALLS▼")
    screen.keys("<")
    screen.wait(r"^OPERATION▼")
    assert rows(screen) == ["größe 日本語", "parse", "request", "serve"]
    screen.keys("r")
    screen.wait(r"^OPERATION▲")
    assert rows(screen) == ["serve", "request", "parse", "größe 日本語"]
    screen.keys(">", ">", "Right")
    screen.wait(r"FAILED▼")
    assert rows(screen)[0] == "parse"
    screen.keys("Left", "s")
    screen.wait(r"FAILED▼")


def test_a_filter_shows_what_has_its_letters(terminal, host):
    screen = watch(terminal(), host())
    screen.keys("/")
    screen.type("ÖSS")
    screen.gone(r"^parse")
    screen.wait(r"^filter: ÖSS")
    screen.keys("BSpace", "BSpace", "BSpace")
    screen.type("re")
    screen.wait(r"^filter: re")
    screen.keys("Enter")
    screen.wait(r"filter re  1 of 4 operations")
    assert rows(screen) == ["request"]
    screen.keys("Escape")
    screen.wait(r"4 of 4 operations")


def test_a_pause_holds_the_screen(terminal, host):
    screen = watch(terminal(), host(), "--interval", "0.25")
    screen.keys("Space")
    screen.wait("PAUSED")
    before = screen.text()
    time.sleep(1)
    assert screen.text() == before
    screen.keys("p")
    screen.gone("PAUSED")
    deadline = time.monotonic() + 60
    while screen.text() == before:
        assert time.monotonic() < deadline
    screen.keys("+", "+")
    screen.wait(r"now \(1 s\)")
    screen.keys("-", "-", "-")
    screen.wait(r"now \(125 ms\)")


def test_an_operation_from_near_by_and_help(terminal, host):
    screen = watch(terminal(80, 30), host())
    screen.keys("p", "<", "<", "Down")  # by name: größe, then parse
    screen.wait(r"^OPERATION▼")
    screen.keys("Enter")
    text = screen.wait(r"^CALLED FROM")
    assert re.search(r"^parse$", text, re.M)
    assert re.search(r"^in all  fastest .* p50 .* p95 .* p99 .* slowest ", text, re.M)
    assert re.search(r"^failed as bad_header \d+", text, re.M)
    assert re.search(r"100 % .* request  \d+ calls", text)
    screen.keys("?")
    screen.wait(r"half, and 95 in 100, of the calls took no longer")
    screen.keys("x")
    screen.wait(COLUMNS.replace("RATE/S▼", "RATE/S").replace("OPERATION", "OPERATION▼"))


def test_windows_of_time_go_round(terminal, host):
    screen = watch(terminal(), host())
    for name in ["last minute", "last 5 minutes", "last hour", "total", r"now \(1 s\)"]:
        screen.keys("w")
        screen.wait(rf"errors/min  {name}")


def test_a_process_that_dies_stays_on_the_screen(terminal, host):
    one = host()
    screen = watch(terminal(), one)
    one.kill(signal.SIGKILL)
    text = screen.wait(r"^prognos top  tool_host  pid \d+  died")
    text = screen.wait(r"^OPEN WHEN IT DIED")
    assert re.search(r"^request ", text, re.M)
    assert re.search(r"  serve  thread \d+$", text, re.M)
    screen.keys("q")
    screen.wait(r"^status 0$")


def test_the_last_line_says_what_it_died_of(terminal, host):
    one = host("crash", PROGNOS_CRASH_NOTES="1")
    screen = watch(terminal(120, 30), one)
    one.process.stdin.write(b"x")
    one.process.stdin.flush()
    screen.wait(
        r"^It died of SIGSEGV \(address not mapped\) at 0x10 in serve > write to nowhere, "
        rf"thread {one.pid} \(tool_host\)\.\nq quit"
    )
    screen.resize(60, 24)
    screen.wait(r" at 0x10 in serve >\nwrite to nowhere, thread \d+ \(tool_host\)\.\nq quit")


def ticks(places, pid):
    profile = json.loads(places.tool("report", pid, "--format", "json").stdout)
    return profile["diagnostics"]["collector_ticks"]


def test_the_past_is_there_at_the_first_look(terminal, places, host):
    one = host()
    deadline = time.monotonic() + 60
    while ticks(places, one.pid) < 5:
        assert time.monotonic() < deadline
    # Two looks alone would draw two bars.
    screen = watch(terminal(100, 30), one, "--interval", "0.5")
    text = screen.text()
    assert re.search(r"^operations +[\d.]+/s +[▁▂▃▄▅▆▇█]{4,}", text, re.M)
    screen.keys("q")
    one.kill(signal.SIGKILL)
    screen.run(f"clear; {TOOL} top {one.pid}")
    text = screen.wait(r"^prognos top  tool_host  pid \d+  died")
    assert re.search(r"^operations +[1-9][\d.]*/s +[▁▂▃▄▅▆▇█]{3,}", text, re.M)
    assert re.search(r"^CPU +[\d.]+ %.*resident +[\d.]+ MiB", text, re.M)
    assert re.search(r"^\d+ threads  \d+ files ", text, re.M)
    assert "It was killed, crashed or left by _exit" in text


def test_a_recording_is_chosen_among_several(terminal, host):
    first, second = host(), host()
    screen = terminal()
    screen.run(f"{TOOL} top; echo status $?")
    text = screen.wait("which process")
    assert f" {first.pid} " in text and f" {second.pid} " in text
    index = [i for i, line in enumerate(screen.lines()[3:]) if f" {first.pid} " in line][0]
    screen.keys(*["Down"] * index, "Enter")
    screen.wait(rf"^prognos top  tool_host  pid {first.pid}  live")
    screen.keys("q")
    screen.wait(r"^status 0$")
    screen.run(f"clear; {TOOL} top; echo again $?")
    screen.wait("which process")
    screen.keys("q")
    screen.wait(r"^again 0$")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGABRT])
def test_the_terminal_is_restored_when_a_signal_ends_it(terminal, host, number):
    screen = watch(terminal(), host())
    assert screen.ask("alternate_on") == "1"
    assert screen.ask("cursor_flag") == "0"
    os.kill(process_of(screen), number)
    screen.wait(rf"^status {128 + number}$")
    restored(screen)


def test_it_stops_and_goes_on_as_other_programs_do(terminal, host):
    screen = watch(terminal(), host())
    screen.keys("C-z")
    screen.wait(r"(?i)stopped")
    restored(screen)
    screen.run("fg")
    screen.wait(COLUMNS)
    assert screen.ask("alternate_on") == "1"
    os.kill(process_of(screen), signal.SIGTSTP)
    screen.wait(r"(?i)stopped")
    screen.run("fg")
    screen.wait(COLUMNS)
    screen.keys("C-c")
    screen.gone(COLUMNS)
    restored(screen)


def test_plain_ascii_where_the_locale_has_no_more(terminal, host):
    one = host()
    screen = terminal()
    screen.run(f"LC_ALL=C {TOOL} top {one.pid}; echo status $?")
    screen.wait(r"^OPERATION +CALLS +RATE/Sv")
    screen.wait(r"^gr\?\?e \?\?\? |^gr\?e \?\?\? ")
    assert screen.text().isascii()


def test_colours_unless_they_are_not_wanted(terminal, host):
    one = host()
    screen = watch(terminal(), one)
    assert re.search(r"\x1b\[[\d;]*3[1-6]m", screen.coloured())
    screen.keys("q")
    screen.wait(r"^status 0$")
    screen.run(f"clear; NO_COLOR=1 {TOOL} top {one.pid}")
    screen.wait(COLUMNS)
    assert not re.search(r"\x1b\[[\d;]*\b3[0-7]m", screen.coloured())


def test_without_a_terminal_it_says_what_to_use_instead(places, host):
    one = host()
    done = places.tool("top", one.pid, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert "`prognos report`" in done.stderr
    assert done.stdout == ""


def test_on_a_dumb_terminal_too(terminal, host):
    one = host()
    screen = terminal()
    screen.run(f"TERM=dumb {TOOL} top {one.pid}; echo status $?")
    text = screen.wait(r"^status 1$")
    assert "use `prognos report`" in text.replace("\n", "")


def test_recordings_that_are_not_there(terminal):
    screen = terminal()
    screen.run(f"{TOOL} top 1; echo status $?")
    screen.wait(r"^status 2$")
    screen.run(f"{TOOL} top --interval 0; echo status $?")
    screen.wait(r"^status 64$")
