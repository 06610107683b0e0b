"""More of the past than fits into one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from smallrtc_lab.engine.keeping.calls import too_much
from smallrtc_lab.engine.reading import read_audio
from smallrtc_lab.errors import EngineError
from smallrtc_lab.media.take import Take
from smallrtc_lab.media.taken import TakenSound


def test_a_large_take_is_refused_with_what_fits() -> None:
    """How large it is, how much can be had at once, and what else to do."""
    sound = TakenSound(np.zeros((600 * 48000, 2), np.int16), 48000, 0)
    said = too_much(Take(0.0, 600.0, _sound=sound))
    assert said.startswith(
        "the last 600 s are 115 MB, and 63 MB can be handed over at once: ask for about 295 s"
    )
    assert "lab.record()" in said


async def test_much_sound_is_refused_with_what_fits() -> None:
    """Before it is converted; so many seconds of such a sound fit."""
    kept = SimpleNamespace(keep_s=300.0, require_kept=lambda: None)
    session = SimpleNamespace(audio=SimpleNamespace(received=1), keeping=kept)
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(EngineError, match="174 s of 2 channels at 48000 Hz"),
    ):
        await read_audio(session, 300.0, 48000, 2, executor)  # type: ignore[arg-type]
