"""What a stream is pulled from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.lab.sending_stream import END, Source


def numbers() -> Iterator[int]:
    yield from (1, 2)


async def slowly() -> AsyncIterator[int]:
    for number in (1, 2):
        await asyncio.sleep(0)
        yield number


@pytest.mark.parametrize("source", [numbers, numbers(), [1, 2], iter((1, 2))])
def test_generators_and_what_can_be_looped_over(source: Any) -> None:
    """One after the other, then END; what raised gives no more."""
    made = Source(source)
    assert [made.pull(), made.pull(), made.pull(), made.pull()] == [1, 2, END, END]
    assert made.ends_with_error


@pytest.mark.parametrize("source", [slowly, slowly()])
async def test_async_generators(source: Any) -> None:
    """The same, to be awaited; closing it is awaited, too."""
    made = Source(source)
    assert [await made.pull(), await made.pull(), await made.pull()] == [1, 2, END]
    await made.close()


def test_a_function_is_called_each_time() -> None:
    """And again after it has raised."""
    calls: list[int] = []
    made = Source(lambda: calls.append(1) or len(calls))
    assert [made.pull(), made.pull()] == [1, 2]
    assert not made.ends_with_error


def test_a_figure_is_the_same_thing_each_time() -> None:
    """It is drawn when its pixels are taken."""
    from matplotlib.figure import Figure

    figure = Figure()
    made = Source(figure)
    assert made.pull() is figure
    assert made.name == "Figure"


def test_closing_runs_what_a_generator_has_to_do_at_its_end() -> None:
    """Its finally."""
    closed: list[bool] = []

    def pictures() -> Iterator[np.ndarray]:
        try:
            while True:
                yield np.zeros((2, 2), np.uint8)
        finally:
            closed.append(True)

    made = Source(pictures())
    made.pull()
    made.close()
    assert closed == [True]
    assert made.pull() is END


@pytest.mark.parametrize("source", [5, None, "clip.mp4"])
def test_what_is_no_source_is_refused(source: Any) -> None:
    """With what would be."""
    with pytest.raises(TypeError, match="a generator, a function"):
        Source(source)
