"""Processors: what goes back for the blocks they get."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from smallrtc_lab.frames import AudioClip, Gap
from smallrtc_lab.framing import Header
from smallrtc_lab.lab.processors import AudioProcessor
from smallrtc_lab.lab.worker import Worker
from smallrtc_lab.media.blocks import BlockCutter

RATE = 48000


class Wire:
    """A session whose engine a test plays: it delivers, and keeps what comes back."""

    def __init__(self) -> None:
        self.client = self
        self.session_id = "s"
        self.deliver: Callable[[Header, bytes], None] = lambda header, payload: None
        self.results: list[tuple[Header, bytes]] = []
        self.dones: list[dict[str, Any]] = []
        self.problems: list[dict[str, Any]] = []

    def subscribe(self, kind: str, delivery: Callable[[Header, bytes], None], **request: Any) -> int:
        self.deliver = delivery
        return 7

    def unsubscribe(self, number: int) -> None: ...

    def is_subscribed(self, number: int) -> bool:
        return True

    def send(self, header: Header, payload: bytes) -> None:
        self.results.append((header, payload))

    def done(self, number: int, **fields: Any) -> None:
        self.dones.append(fields)

    def submit(self, method: str, **arguments: Any) -> None:
        if method == "problem":
            self.problems.append(arguments["problem"])

    def clip(self, header: Header, payload: bytes) -> AudioClip:
        samples = np.frombuffer(payload, np.float32).reshape(-1, 1).copy()
        gaps = tuple(Gap(*gap) for gap in header["gaps"])
        return AudioClip(samples, RATE, header["start_s"], gaps)


@pytest.fixture
def worker() -> Iterator[Worker]:
    """The thread of sound."""
    made = Worker("test callbacks")
    yield made
    made.close()
    assert made.join(60)


def play(wire: Wire, worker: Worker, function: Callable[..., Any], block: int, hop: int) -> AudioProcessor:
    """Half a second of noise through a processor of these blocks; returns when it has answered all."""
    access: Any = wire
    request: dict[str, Any] = {"block": block, "hop": hop, "sample_rate": RATE, "channels": 1}
    processor = AudioProcessor(function, access, worker, **request)
    processor.resume()
    cut = BlockCutter(in_rate=RATE, in_channels=2, out_rate=RATE, out_channels=1, block=block, hop=hop)
    blocks = 0
    for position in range(0, RATE // 2, 960):
        for one in cut.push(np.repeat(noise()[position : position + 960], 2, axis=1), position):
            header = {"subscription": 7, "start_s": one.start_s, "gaps": one.gaps, "dropped": 0}
            wire.deliver(header, one.samples.tobytes())
            blocks += 1
    deadline_s = time.monotonic() + 60
    while len(wire.dones) < blocks:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    return processor


def noise() -> np.ndarray[Any, np.dtype[np.int16]]:
    """(24000, 1), always the same."""
    return np.random.default_rng(0).integers(-9000, 9000, (RATE // 2, 1)).astype(np.int16)


@pytest.mark.parametrize(("block", "hop"), [(960, 960), (4800, 960), (2048, 512), (1000, 999)])
def test_what_goes_back_is_each_sample_once_in_its_place(worker: Worker, block: int, hop: int) -> None:
    """With any hop the results follow each other without a gap, from the first block's last hop on."""
    wire = Wire()
    processor = play(wire, worker, lambda chunk: chunk.samples[-hop:] / 2, block, hop)
    assert processor.errors == {}
    assert len(wire.results) > 4
    starts = [round(header["start_s"] * RATE) for header, _ in wire.results]
    assert starts == [block - hop + n * hop for n in range(len(starts))]
    got = np.concatenate([np.frombuffer(payload, np.float32) for _, payload in wire.results])
    wanted = noise()[starts[0] : starts[0] + len(got), 0] / np.float32(65536)
    assert np.abs(got - wanted).max() < 1e-6


def test_a_whole_block_for_a_hop_is_refused_with_what_to_return(worker: Worker) -> None:
    """The sentence has the slice; for what failed, the hop's original passes."""
    wire = Wire()
    processor = play(wire, worker, lambda chunk: chunk.mono, 4800, 960)
    (kind,) = processor.errors
    assert kind == (
        "ValueError: a block of 4800 samples came in, 4800 were returned: with hop=960 return the 960 that stand for "
        "its last ones, as in out[-960:]"
    )
    assert all(payload == b"" for _, payload in wire.results)
    assert [done["failed"] for done in wire.dones] == [True] * len(wire.results)
    assert round(wire.results[0][0]["start_s"] * RATE) == 4800 - 960
    assert wire.problems[0]["message"].endswith("as in out[-960:]")


def test_what_waits_for_a_former_function_is_not_blamed(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cell run again while its function hangs: the new one says for whom it waits; itself it says of itself."""
    gate, entered = threading.Event(), threading.Event()

    def hangs(chunk: Any) -> None:
        entered.set()
        gate.wait(60)

    access: Any = Wire()
    request: dict[str, Any] = {"block": 960, "hop": 960, "sample_rate": RATE, "channels": 1}
    old = AudioProcessor(hangs, access, worker, **request)
    new = AudioProcessor(lambda chunk: chunk.samples, access, worker, **request)
    for processor in (old, new):
        processor.resume()
    worker.submit(lambda: old._run(AudioClip(np.ones((960, 1), np.float32), RATE)))
    assert entered.wait(60)
    new.stuck(7, 4.0)
    assert "<lambda> waits for the former hangs, which has not returned for 4 s" in capsys.readouterr().err
    old.stuck(7, 4.0)
    assert capsys.readouterr().err.startswith("hangs has not returned for 4 s")
    gate.set()


def test_a_function_that_fails_at_first_leaves_the_floor_to_the_last_good_one(worker: Worker) -> None:
    """What it replaced goes on in its place, and what it says meanwhile says so."""
    wire = Wire()
    access: Any = wire
    request: dict[str, Any] = {"block": 960, "hop": 960, "sample_rate": RATE, "channels": 1}
    good = AudioProcessor(lambda chunk: chunk.samples * 0, access, worker, **request)
    assert good.last_good is None
    good._run(AudioClip(np.ones((960, 1), np.float32), RATE))
    bad = AudioProcessor(lambda chunk: 1 / 0, access, worker, **request)
    bad.fallback = good.last_good
    result = bad._run(AudioClip(np.ones((960, 1), np.float32), RATE))
    assert not result.any()
    assert (good.errors, bad.errors) == ({}, {"ZeroDivisionError: division by zero": 1})
    assert "the last <lambda> that worked goes on" in wire.problems[0]["next_step"]
    assert not bad.has_worked
