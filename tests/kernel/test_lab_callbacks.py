"""Callbacks in a real kernel: results, errors under their cell, slow and stuck functions, messages."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import pytest_asyncio
from support.kernel import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = """
import threading, time
import numpy as np
import smallrtc_lab
from smallrtc_lab import Lab
lab = Lab(name="callbacks")
lab.simulate(video="bars", audio="tone", hz=440)
lab.wait_live(60)

def clear():
    for handle in lab._callbacks.all():
        handle.remove()
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(shared_kernel: Kernel) -> Kernel:
    """A kernel with a simulated lab that is live."""
    await shared_kernel.execute(BEGIN, timeout_s=120)
    return shared_kernel


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def none_left(live: Kernel) -> None:
    """Each test begins without callbacks, and live."""
    await live.execute("clear()\nlab.wait_live(60)")


async def returned(kernel: Kernel, kind: str) -> int:
    """How many frames the simulated browser got back so far."""
    sent = await kernel.value(f"lab.stats()['connection']['{kind}']['frames_sent']")
    assert isinstance(sent, int)
    return sent


async def goes_back(kernel: Kernel, kind: str, before: int, more: int = 5) -> None:
    """Wait until the simulated browser got some more back."""
    sent = f"lab.stats()['connection']['{kind}']['frames_sent']"
    await kernel.wait_value(sent, lambda now: now > before + more)


async def test_a_video_processor_is_called_with_frames_and_its_results_go_back(live: Kernel) -> None:
    """The function sees frames of its format on its own thread; what it returns is sent; the handle knows."""
    await live.execute(
        "@lab.on_video(format='bgr')\n"
        "def effect(frame):\n"
        "    global seen\n"
        "    seen = (frame.format, frame.image.shape, threading.current_thread().name)\n"
        "    return 255 - frame.image"
    )
    before = await returned(live, "video")
    await live.wait_value("effect.stats['calls']", lambda calls: calls > 20)
    assert await live.value("seen") == ["bgr", [480, 640, 3], "smallrtc video"]
    assert await live.value("effect.last_result.shape") == [480, 640, 3]
    await goes_back(live, "video", before)
    stats = await live.value("effect.stats")
    assert stats["errors"] == 0
    print("hand-over", stats)


async def test_a_handle_is_still_the_plain_function(live: Kernel) -> None:
    """A decorated name can be called by hand, keeps its name and words, and can be paused and resumed."""
    await live.execute(
        "@lab.on_video(controls=dict(k=(1, 9, 2), mode=['add', 'sub']))\n"
        "def effect(frame, k, mode):\n"
        "    'Words.'\n"
        "    return frame if isinstance(frame, int) and mode == 'add' else frame.image\n"
        "plain = [effect(7, k=1, mode='add'), effect.__name__, effect.__doc__, repr(effect)[:31]]"
    )
    assert await live.value("plain") == [7, "effect", "Words.", "<VideoProcessor effect, running"]
    await live.wait_value("effect.stats['calls']", lambda calls: calls > 3)
    for _ in range(3):
        await live.execute(
            "effect.pause(); time.sleep(0.1); n = effect.stats['calls']; time.sleep(0.2); n = effect.stats['calls'] - n"
        )
        assert await live.value("n") == 0
        await live.execute("effect.resume(); n = effect.stats['calls']")
        await live.wait_value("effect.stats['calls'] - n", lambda calls: calls > 3)
    assert await live.value("effect.errors") == {}


async def test_an_audio_processor_gets_every_block_and_its_sound_goes_back(live: Kernel) -> None:
    """Blocks of the asked length, rate and channels, gapless; what it returns is played."""
    await live.execute(
        "starts = []\n"
        "@lab.on_audio(block=320, sample_rate=16000)\n"
        "def gain(chunk):\n"
        "    starts.append((chunk.start_s, chunk.samples.shape, len(chunk.gaps)))\n"
        "    return chunk.samples * 0.5"
    )
    before = await returned(live, "audio")
    await live.wait_value("len(starts)", lambda calls: calls > 60)
    blocks = await live.value("starts[:50]")
    assert {tuple(shape) for _, shape, _ in blocks} == {(320, 1)}
    skipped = await live.value("lab.stats()['simulated']['audio']['skipped']")
    missing = sum(gaps > 0 for _, _, gaps in blocks)
    assert missing <= 2 * skipped, (
        "what never left the simulated browser, for this machine stood still, is missing"
    )
    assert blocks[-1][0] - blocks[0][0] == pytest.approx(
        49 * 0.02, rel=0.11
    )  # times glide to those of capture
    await goes_back(live, "audio", before, 20)
    late_s = await live.value("lab.stats()['processing']['audio_late_s']")
    assert late_s < 5.0, "more than the time before the first answer was the original"
    print("audio late", late_s)


async def test_observers_run_beside_each_other(live: Kernel) -> None:
    """Any number of observers of sound and pictures, at their own rates; nothing goes back."""
    await live.execute(
        "@lab.watch_video(max_rate_hz=5)\n"
        "def slow(frame): return frame.sequence\n"
        "@lab.watch_video(format='gray', size=(64, 48))\n"
        "def small(frame): return frame.image.shape\n"
        "@lab.watch_audio(block=4800)\n"
        "def loud(chunk): return float(abs(chunk.mono).max())\n"
        "@lab.watch_video\n"
        "async def later(frame):\n"
        "    import asyncio\n"
        "    await asyncio.sleep(0.001)\n"
        "    return 'awaited'\n"
        "before = lab.stats()['connection']['video']['frames_sent']\n"
        "begun_s = time.monotonic()\n"
        "time.sleep(2)"
    )
    for name in ("slow", "small", "loud", "later"):
        await live.wait_value(f"{name}.stats['calls']", lambda calls: calls > 3)
    facts = await live.value(
        "dict(slow=slow.stats['calls'], took_s=time.monotonic() - begun_s, small=small.last_result,"
        " loud=loud.last_result, later=later.last_result,"
        " sent=lab.stats()['connection']['video']['frames_sent'] - before)"
    )
    assert facts["slow"] <= 5 * facts["took_s"] + 5
    assert facts["small"] == [48, 64]
    assert facts["loud"] == pytest.approx(0.5, rel=0.1)
    assert facts["later"] == "awaited"
    assert facts["sent"] == 0
    await live.execute("slow.remove(); small.remove()\nn = slow.stats['calls']\ntime.sleep(0.4)")
    assert await live.value("slow.stats['calls'] - n") <= 1
    assert await live.value("[c.name for c in lab._callbacks.all()]") == ["loud", "later"]


async def test_an_error_is_shown_under_its_cell_while_another_cell_runs(live: Kernel, tmp_path: Path) -> None:
    """A function that fails later, while another cell is busy, shows its traceback under the cell of its own."""
    registered = await live.execute(
        "fail = False\n"
        "@lab.on_video\n"
        "def effect(frame):\n"
        "    if fail:\n"
        "        return frame.image / frame.missing\n"
        "    return frame.image"
    )
    (display,) = registered.display_ids
    await live.wait_value("effect.stats['calls']", lambda calls: calls > 3)
    assert live.shown[display]["text/html"] == ""
    later = await live.submit(
        "import os\nfail = True\nt = time.monotonic()\n"
        f"while not os.path.exists({str(tmp_path / 'seen')!r}) and time.monotonic() < t + 40: pass"
    )
    async with asyncio.timeout(30):
        while "AttributeError" not in live.shown[display]["text/plain"]:
            await asyncio.sleep(0.05)
    assert not later.done, "the traceback waited for the end of the busy cell"
    await asyncio.sleep(1)
    (tmp_path / "seen").touch()
    text = live.shown[display]["text/plain"]
    assert re.search(r"effect( \(\d+ times\))?, the unprocessed picture is shown", text)
    assert "return frame.image / frame.missing" in text
    assert "smallrtc_lab/lab" not in text
    await later.wait()
    await live.wait_value("sum(effect.errors.values())", lambda errors: errors > 10)
    assert later.outputs == []
    assert "times)" in live.shown[display]["text/plain"]
    errors = await live.value("effect.errors")
    assert list(errors) == ["AttributeError: 'VideoFrame' object has no attribute 'missing'"]
    assert errors.popitem()[1] > 10
    problem = await live.value("lab.mirror.problems['callback-effect']")
    assert problem["message"].startswith("effect: AttributeError")
    await live.execute("fail = False\nn = effect.stats['errors']\ntime.sleep(0.5)")
    assert await live.value("effect.stats['errors'] - n") <= 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("frame.image / 255", "multiply by 255? (picture * 255).astype(np.uint8)"),
        ("frame.image.astype('int32')", "got a picture of int32"),
        ("frame.image[:, :, :2]", "got a picture of shape (480, 640, 2)"),
        ("'text'", "got str, which is not an array"),
    ],
)
async def test_nonsense_returned_is_an_error_that_helps(live: Kernel, body: str, words: str) -> None:
    """A picture of the wrong kind says what would be right; the original passes."""
    cell = await live.execute(f"@lab.on_video\ndef effect(frame): return {body}")
    await live.wait_value("effect.stats['errors']", lambda errors: errors > 3)
    assert words in live.shown[cell.display_ids[0]]["text/plain"]
    await goes_back(live, "video", await returned(live, "video"))


async def test_sound_of_another_length_is_an_error_that_helps(live: Kernel) -> None:
    """A block must come back as long as it was."""
    cell = await live.execute("@lab.on_audio(block=960)\ndef gain(chunk): return chunk.samples[:100]")
    await live.wait_value("gain.stats['errors']", lambda errors: errors > 3)
    assert (
        "a block of 960 samples came in, 100 were returned" in live.shown[cell.display_ids[0]]["text/plain"]
    )


async def test_editing_in_place_gets_one_hint(live: Kernel) -> None:
    """A function that changed the picture and returned nothing is told to return it."""
    cell = await live.execute("@lab.on_video\ndef effect(frame): frame.image[:100] = 0")
    await live.wait_value("effect.stats['calls']", lambda calls: calls > 5)
    assert "changed the picture but returned nothing" in live.shown[cell.display_ids[0]]["text/plain"]
    assert await live.value("effect.errors") == {}


async def test_registering_again_keeps_the_last_good_function(live: Kernel) -> None:
    """A new function that fails from its first call, and the one after it, leave the floor to the last good one."""
    await live.execute(
        "@lab.on_video\ndef effect(frame):\n    global good; good += 1\n    return frame.image\ngood = 0"
    )
    await live.wait_value("good", lambda calls: calls > 3)
    for attempt in ("1 / 0", "undefined"):
        await live.execute(f"@lab.on_video\ndef effect(frame): return {attempt}\nbefore = good")
        await live.wait_value("good - before", lambda calls: calls > 3)
        await live.wait_value("effect.stats['errors']", lambda errors: errors > 3)
    assert await live.value("len(lab._callbacks.all())") == 1
    cell = await live.execute("@lab.on_video\ndef effect(frame): return frame.image[::2]\nbefore = good")
    await live.wait_value("effect.stats['calls']", lambda calls: calls > 3)
    assert await live.value("[effect.errors, good - before <= 1]") == [{}, True]
    assert live.shown[cell.display_ids[0]]["text/plain"] == ""


async def test_registering_again_and_again_costs_nothing(live: Kernel) -> None:
    """Thirty registrations at any moment leave no slot, credit or function behind: results still go back."""
    await live.execute(
        "for _ in range(30):\n"
        "    @lab.on_video\n"
        "    def effect(frame): return frame.image\n"
        "    time.sleep(0.05)"
    )
    before = await returned(live, "video")
    await live.execute("n = effect.stats['calls']\ntime.sleep(1.5)\nn = effect.stats['calls'] - n")
    assert await live.value("n") > 2
    await goes_back(live, "video", before, 2)
    assert await live.value("len(lab.stats()['processing']['subscriptions'])") == 1


async def test_a_function_that_blocks_disturbs_no_other_and_is_said_to(live: Kernel) -> None:
    """While one function sleeps for seven seconds the others go on, originals pass, and its cell says it is stuck."""
    cell = await live.execute(
        "@lab.watch_audio(block=960)\n"
        "def hear(chunk): pass\n"
        "@lab.watch_video\n"
        "def see(frame): pass\n"
        "wait_s = 7.0\n"
        "@lab.on_video\n"
        "def effect(frame):\n"
        "    global wait_s\n"
        "    now_s, wait_s = wait_s, 0\n"
        "    time.sleep(now_s)\n"
        "    return frame.image\n"
    )
    before = await returned(live, "video")
    await live.execute("a, v = hear.stats['calls'], see.stats['calls']\ntime.sleep(2)")
    assert await live.value("hear.stats['calls'] - a") > 10
    assert await live.value("see.stats['calls'] - v") > 3
    assert await returned(live, "video") > before + 2
    assert await live.value("lab.stats()['processing']['video_late']") > 2
    display = cell.display_ids[-1]
    async with asyncio.timeout(30):
        while "has not returned for" not in live.shown[display]["text/plain"]:
            await asyncio.sleep(0.05)
    assert "stuck-effect" in await live.value("lab.mirror.problems")
    async with asyncio.timeout(30):
        while live.shown[display]["text/plain"]:
            await asyncio.sleep(0.05)
    await live.wait_value("effect.stats['calls']", lambda calls: calls > 10)
    assert await live.value("effect.errors") == {}


async def test_a_function_that_never_returns_is_stopped_and_said(live: Kernel) -> None:
    """An endless loop of Python is ended after ten seconds, and the function may run again."""
    cell = await live.execute(
        "endless = True\n@lab.on_video\ndef effect(frame):\n    while endless: pass\n    return frame.image\n"
    )
    await live.wait_value("effect.stats['errors']", timeout_s=60)
    assert "was stopped" in live.shown[cell.display_ids[0]]["text/plain"]
    await live.execute("endless = False\nn = effect.stats['calls']")
    await live.wait_value("effect.stats['calls'] - n", lambda calls: calls > 5)


async def test_messages_come_in_order_and_once(live: Kernel) -> None:
    """What is sent, also in a burst, comes back from the simulated browser once and in order."""
    await live.execute(
        "got = []\n"
        "@lab.on_message\n"
        "def keep(message): got.append(message)\n"
        "for n in range(200): lab.send_message({'n': n, 'text': 'é'})\n"
        "lab.send_message([1, None, 'x'])"
    )
    await live.wait_value("len(got)", lambda count: count >= 201)
    assert await live.value("[m['n'] for m in got[:200]] == list(range(200))")
    assert await live.value("[got[0], got[200:]]") == [{"n": 0, "text": "é"}, [[1, None, "x"]]]


async def test_messages_sent_before_connecting_wait(live: Kernel) -> None:
    """Fifty messages wait for a browser, in order; what is more is dropped and said."""
    await live.execute("lab.stop()")
    await live.wait_value("lab.state", lambda state: state == "idle")
    await live.execute("got.clear()\nfor n in range(53): lab.send_message(n)")
    assert await live.value("lab.stats()['messages_dropped']") == 3
    problem = await live.value("lab.mirror.problems['messages-dropped']")
    assert problem["message"].startswith("3 messages were dropped")
    await live.execute("lab.simulate()\nlab.wait_live(60)")
    await live.wait_value("len(got)", lambda count: count >= 50)
    await live.execute("lab.send_message('last')")
    await live.wait_value("len(got)", lambda count: count >= 51)
    assert await live.value("got") == [*range(50), "last"]


async def test_a_message_handler_that_raises_is_shown_and_the_others_go_on(live: Kernel) -> None:
    """Each handler gets every message; an error is shown under its own cell."""
    cell = await live.execute(
        "got.clear()\n@lab.on_message\ndef bad(message): raise ValueError('no such message')\nlab.send_message(1)"
    )
    await live.execute("lab.send_message(2)")
    await live.wait_value("got", lambda seen: seen == [1, 2])
    async with asyncio.timeout(30):
        while "no such message" not in live.shown[cell.display_ids[0]]["text/plain"]:
            await asyncio.sleep(0.05)


async def test_callbacks_may_use_the_lab(live: Kernel) -> None:
    """A callback reads, sends, shows values and removes itself without waiting for itself."""
    await live.execute(
        "answers = []\n"
        "@lab.watch_video(max_rate_hz=10)\n"
        "def busy(frame):\n"
        "    lab.values['f0_hz'] = np.float32(196.5)\n"
        "    newest, sound = lab.video.latest(), lab.audio.last(0.1)\n"
        "    answers.append((lab.state, newest.sequence >= frame.sequence, sound.duration_s > 0.09))\n"
        "    if len(answers) == 3: busy.remove()"
    )
    await live.wait_value("len(answers)", lambda count: count == 3)
    await asyncio.sleep(0.3)
    assert await live.value("answers") == [["live", True, True]] * 3
    assert await live.value("dict(lab.values)") == {"f0_hz": 196.5}


async def test_what_a_callback_prints_goes_not_into_the_running_cell(live: Kernel) -> None:
    """The log pane of the widget gets it; the cell that happens to run does not."""
    await live.execute("@lab.watch_video(max_rate_hz=20)\ndef chatty(frame): print('noise')")
    cell = await live.execute("for _ in range(10):\n    print('mine')\n    time.sleep(0.05)")
    assert cell.stdout == "mine\n" * 10
    await live.wait_value("chatty.stats['calls']", lambda calls: calls > 5)


async def test_the_switch_interval_is_lowered_while_callbacks_are_there(live: Kernel) -> None:
    """Half a millisecond with callbacks, what it was without, whatever the order of removal."""
    import sys

    normal_s = sys.getswitchinterval()
    ask = "__import__('sys').getswitchinterval()"
    assert await live.value(ask) == pytest.approx(normal_s)
    await live.execute(
        "@lab.on_video\ndef one(frame): pass\n@lab.watch_video\ndef two(frame): pass\n"
        "@lab.on_video\ndef one(frame): pass"
    )
    assert await live.value(ask) == pytest.approx(0.0005)
    await live.execute("one.remove(); one.remove()")
    assert await live.value(ask) == pytest.approx(0.0005)
    await live.execute("two.remove()")
    assert await live.value(ask) == pytest.approx(normal_s)
    await live.execute("@lab.on_audio\ndef three(chunk): pass")
    await live.execute("lab.close()")
    assert await live.value(ask) == pytest.approx(normal_s)
    await live.wait_value(
        "[t.name for t in threading.enumerate() if 'smallrtc' in t.name]", lambda left: left == []
    )
