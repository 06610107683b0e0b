"""The four kinds of callbacks: processors and observers, of pictures and of sound."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from smallrtc_lab.errors import SmallRTCError
from smallrtc_lab.framing import Header

from .callbacks import FAILED, Callback
from .results import as_picture, as_samples

__all__ = ["AudioObserver", "AudioProcessor", "VideoObserver", "VideoProcessor"]


class _VideoCallback(Callback):
    """With frames of ``lab.video`` or ``lab.screen``."""

    def _work(self, header: Header, payload: bytes) -> None:
        number = header["subscription"]
        if not self._access.client.is_subscribed(number):  # paused, removed, or of an engine that has gone
            self._access.client.free(header)
            return
        fields: dict[str, Any] = {"failed": True}
        try:
            frame = self._access.frame(header, self._request["source"])
            if not self._request.get("native"):
                self._request["size"] = [
                    frame.width,
                    frame.height,
                ]  # also after a pause, and of another engine
            self._access.client.free(header)  # copied: a function that takes long keeps no slot from others
            began_s = time.monotonic()
            self._hand_overs_ms.append(1000 * (began_s - header["decoded_s"]))
            fields = self._answer(self._run(frame))
            fields |= {"began_s": began_s, "ran_s": time.monotonic() - began_s}
        except SmallRTCError:
            return  # the engine ended in between; its successor begins anew
        finally:
            self._access.done(number, **fields)

    def _answer(self, result: Any) -> dict[str, Any]:
        return {}


class VideoObserver(_VideoCallback):
    """Sees frames; nothing goes back."""


class VideoProcessor(_VideoCallback):
    """What it returns is what the browser sees."""

    processes = True
    meanwhile = "the unprocessed picture is shown"
    _hinted = False

    def _run(self, item: Any) -> Any:
        probe = None if self._hinted or self._calls > 30 else item.image[::16, ::16].copy()
        result = super()._run(item)
        if probe is not None and result is None and not np.array_equal(probe, item.image[::16, ::16]):
            self._hinted = True
            self._report.hint(f"{self.name} changed the picture but returned nothing: return it to see it.")
        return result

    def _checked(self, result: Any, item: Any) -> Any:
        return as_picture(result)

    def _answer(self, result: Any) -> dict[str, Any]:
        if result is FAILED:
            return {"failed": True}
        ref = None if result is None else self._access.client.lend(result)
        if ref is None:
            return {}
        colour = "bgr" if self._request["format"] == "bgr" else "rgb"
        picture_format = "gray" if result.ndim == 2 else colour
        return {"slot": list(ref), "shape": list(result.shape), "format": picture_format}


class AudioObserver(Callback):
    """Hears blocks of sound; nothing goes back."""

    kind = "audio"

    def _work(self, header: Header, payload: bytes) -> None:
        number = header["subscription"]
        if not self._access.client.is_subscribed(number):
            return
        clip = self._access.clip(header, payload)
        began_s = time.monotonic()
        result = self._run(clip)
        ran_s = time.monotonic() - began_s
        self._send(number, clip, result)
        self._access.done(number, failed=result is FAILED, began_s=began_s, ran_s=ran_s)

    def _send(self, number: int, clip: Any, result: Any) -> None:
        pass


class AudioProcessor(AudioObserver):
    """What it returns can be listened to: it stands for the last ``hop`` samples of the block."""

    processes = True
    meanwhile = "the unprocessed sound passes"

    def _checked(self, result: Any, item: Any) -> Any:
        samples, hop = as_samples(result), self._request["hop"]
        if samples is None or len(samples) == hop:
            return samples
        came = f"a block of {len(item)} samples came in, {len(samples)} were returned"
        if hop < len(item):
            came += f": with hop={hop} return the {hop} that stand for its last ones, as in out[-{hop}:]"
        raise ValueError(came)

    def _send(self, number: int, clip: Any, result: Any) -> None:
        samples = None if result is FAILED else result
        header = {
            "type": "result",
            "session": self._access.session_id,
            "subscription": number,
            "start_s": clip.start_s - clip._shift_s + (len(clip) - self._request["hop"]) / clip.sample_rate,
            "sample_rate": clip.sample_rate,
            "channels": 1 if samples is None else samples.shape[1],
        }
        self._access.client.send(header, b"" if samples is None else samples.tobytes())
