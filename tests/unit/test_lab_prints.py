"""What callbacks print reaches the log pane; what cells print stays where it was."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

from smallrtc_lab.lab.prints import LogPane, PrintRouter


def test_a_threads_prints_go_to_its_sink_and_others_are_untouched(capsys) -> None:
    """Text printed with a sink reaches only it, line by line; another thread's reaches the stream."""
    router, seen = PrintRouter(), []

    def inside() -> None:
        with router.to(seen.append):
            print("one\ntwo")
            print("rest", end="")
            print("to the log", file=sys.stderr)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join(5)
    print("cell")
    assert seen == ["one", "two", "restto the log"]
    assert capsys.readouterr().out == "cell\n"


def test_the_streams_are_what_they_were_afterwards() -> None:
    """After the last user the very same objects stand there, whatever was nested."""
    before, router = sys.stdout, PrintRouter()
    with router.to(str.strip):
        inside = sys.stdout
        assert inside is not before
        with router.to(str.strip):
            assert sys.stdout is inside
        assert sys.stdout is inside
    assert sys.stdout is before


def test_a_redirection_that_overlaps_leaves_no_chain_of_routers() -> None:
    """A cell that redirects stdout while a callback runs puts a former router back; the next use unwraps it."""
    before, router, seen = sys.stdout, PrintRouter(), []
    with router.to(str.strip):
        left_behind = sys.stdout
    sys.stdout = left_behind
    try:
        with router.to(seen.append):
            assert sys.stdout._stream is before
            print("seen")
    finally:
        sys.stdout = before
    assert seen == ["seen"]


def test_a_print_under_way_outlives_the_callback_that_ends_meanwhile() -> None:
    """``print`` looks sys.stdout up once and writes twice: what it has found is not freed in between."""
    before, router, written = sys.stdout, PrintRouter(), []
    begun, ended = threading.Event(), threading.Event()

    def callback() -> None:
        with router.to(str.strip):
            begun.set()
            ended.wait(10)

    class Slow:
        def write(self, text: str) -> int:
            found = weakref.ref(sys.stdout)
            ended.set()
            thread.join(10)
            gc.collect()
            assert found() is not None
            written.append(text)
            return len(text)

    sys.stdout = Slow()
    try:
        thread = threading.Thread(target=callback)
        thread.start()
        begun.wait(10)
        print("a line")
    finally:
        sys.stdout = before
    assert written == ["a line", "\n"]


def test_a_line_without_end_is_cut() -> None:
    """A callback that prints megabytes without a line break floods nothing."""
    router, seen = PrintRouter(), []
    with router.to(seen.append):
        print("x" * 10_000, end="")
    assert max(map(len, seen)) <= 2000


def test_other_attributes_are_the_streams_own() -> None:
    """Code that asks the stream for its encoding or whether it is a terminal gets the true answer."""
    before, router = sys.stdout, PrintRouter()
    with router.to(str.strip):
        assert sys.stdout.encoding == before.encoding
        assert sys.stdout.isatty() == before.isatty()


def test_the_log_pane_leaves_out_what_is_too_much(monkeypatch) -> None:
    """Twenty lines a second are shown; how many were left out is said."""
    now_s = [100.0]
    monkeypatch.setattr("smallrtc_lab.lab.prints.time.monotonic", lambda: now_s[0])
    seen: list[str] = []
    pane = LogPane(seen.append)
    for number in range(50):
        pane(str(number))
    assert len(seen) == 20
    now_s[0] += 1
    pane("later")
    assert seen[20:] == ["… 30 lines left out", "later"]
