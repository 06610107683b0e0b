"""Laws that hold everywhere in a lab: whose arrays, which sizes, who replaces whom, and what a widget's names mean."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from support.kernel import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGIN = """
import asyncio, threading, time
import anywidget, traitlets
import numpy as np
import smallrtc_lab
from smallrtc_lab import Lab
lab = Lab(name="laws")
lab.simulate(video="bars", audio="tone", hz=440, amplitude=0.5)
lab.wait_live(60)

def clear():
    for handle in lab._callbacks.all():
        handle.remove()

def wait(condition, timeout_s=60):
    "Until it holds, in a cell."
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "too late"
        time.sleep(0.02)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(shared_kernel: Kernel) -> Kernel:
    """A kernel with a simulated lab that is live."""
    await shared_kernel.execute(BEGIN, timeout_s=60)
    return shared_kernel


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def none_left(live: Kernel) -> None:
    """Each test begins without callbacks, and live."""
    await live.execute("clear()\nlab.wait_live(60)", 90)


async def shown(kernel: Kernel, display: str, words: str, timeout_s: float = 60) -> str:
    """What stands in a display once it has these words."""
    async with asyncio.timeout(timeout_s):
        while words not in kernel.shown[display]["text/plain"]:
            await asyncio.sleep(0.05)
    return str(kernel.shown[display]["text/plain"])


async def test_every_array_is_private_writable_and_contiguous(live: Kernel) -> None:
    """From each way to get pictures or sound, in each format: no two share memory, and all may be written."""
    await live.execute(
        "got = []\n"
        "@lab.on_video(format='bgr')\n"
        "def effect(frame):\n"
        "    got.append(('on_video', frame.image))\n"
        "@lab.watch_video(format='gray')\n"
        "def see(frame): got.append(('watch_video', frame.image))\n"
        "@lab.watch_video(size='native')\n"
        "def see_too(frame): got.append(('watch_video', frame.image))\n"
        "@lab.on_audio(block=960)\n"
        "def gain(chunk): got.append(('on_audio', chunk.samples))\n"
        "@lab.watch_audio(block=1920, hop=480, channels=2)\n"
        "def hear(chunk): got.append(('watch_audio', chunk.samples))\n"
        "frame = lab.video.latest(format='bgr')\n"
        "got += [('latest', frame.image), ('rgb', frame.rgb), ('gray', frame.gray)]\n"
        "got += [('latest', lab.video.latest().image)]\n"
        "clip = lab.video.grab(2)\n"
        "got += [('grab', clip.images), ('times', clip.times_s)]\n"
        "sound = lab.audio.last(0.2, channels=2)\n"
        "got += [('last', sound.samples), ('mono', sound.mono), ('first', sound.channels_first)]\n"
        "got += [('times', sound.times_s), ('between', sound.between(sound.start_s, sound.start_s + 0.1).samples)]\n"
        "got += [('record', lab.audio.record(0.1).samples)]\n"
        "with lab.audio.chunks(block=960, hop=240) as chunks, lab.video.frames() as frames:\n"
        "    got += [('chunks', next(chunks).samples) for _ in range(3)]\n"
        "    got += [('frames', next(frames).image) for _ in range(2)]\n"
        "wait(lambda: len({name for name, _ in got}) == 16)\n"
        "clear()\n"
        "arrays = [array for _, array in got[:60]]\n"
    )
    facts = await live.value(
        "dict(names=sorted({name for name, _ in got}),"
        " flags=sorted({(a.flags.writeable, a.flags.c_contiguous) for a in arrays}),"
        " shared=[got[i][0] + ' ' + got[j][0] for i, a in enumerate(arrays) for j, b in enumerate(arrays[:i])"
        " if np.may_share_memory(a, b)])"
    )
    print(facts["names"])
    assert facts["flags"] == [[True, True]]
    assert facts["shared"] == []


async def test_sizes_stay_those_of_the_first_frame(live: Kernel) -> None:
    """A callback, a loop and grab keep their size when the camera's changes, also after a pause; native ones follow."""
    await live.execute(
        "fixed, native, small = [], [], []\n"
        "@lab.on_video\n"
        "def effect(frame): fixed.append(frame.image.shape[:2])\n"
        "@lab.watch_video(size='native')\n"
        "def follow(frame): native.append(frame.image.shape[:2])\n"
        "@lab.watch_video(size=(80, 60), format='gray')\n"
        "def little(frame): small.append(frame.image.shape)\n"
        "frames = lab.video.frames()\n"
        "first = next(frames).image.shape\n"
        "wait(lambda: fixed and native and small)\n"
        "lab.simulate(video='noise', width=320, height=240)\n"
        "wait(lambda: native[-1] == (240, 320))\n"
        "n = len(fixed)\n"
        "wait(lambda: len(fixed) > n + 3)\n"
        "effect.pause(); effect.resume()\n"
        "n = len(fixed)\n"
        "wait(lambda: len(fixed) > n + 3)\n"
        "while next(frames).sequence < 3: pass\n"
        "after = next(frames).image.shape\n"
        "frames.close()\n"
        "newest = lab.video.latest().image.shape, lab.video.latest(size='native').image.shape\n"
        "lab.simulate(video='bars')\nlab.wait_live(60)"
    )
    facts = await live.value(
        "dict(fixed=sorted(set(fixed)), native=sorted(set(native)), small=sorted(set(small)))"
    )
    assert facts == {"fixed": [[480, 640]], "native": [[240, 320], [480, 640]], "small": [[60, 80]]}
    assert await live.value("[first, after, newest]") == [[480, 640, 3]] * 2 + [[[240, 320, 3]] * 2]


async def test_another_processor_replaces_it_whatever_its_name(live: Kernel) -> None:
    """One of a kind: the former is called no more; observers of one name and two kinds live side by side."""
    await live.execute(
        "@lab.on_video\ndef one(frame): return frame.image\n"
        "@lab.on_audio\ndef one_too(chunk): return chunk.samples\n"
        "first = one\n"
        "two = lab.on_video(lambda frame: 255 - frame.image)\n"
        "lab.on_audio(one_too.function)\n"
        "@lab.watch_video\ndef meter(frame): pass\n"
        "meters = [meter]\n"
        "@lab.watch_audio\ndef meter(chunk): pass\n"
        "meters += [meter, lab.watch_video(lambda frame: 1)]\n"
        "meters += [lab.watch_video(lambda frame: 2)]\n"
        "wait(lambda: all(one.stats['calls'] for one in (two, *meters)))"
    )
    names = await live.value("[one.name for one in lab._callbacks.all()]")
    assert sorted(names) == ["<lambda>", "<lambda>", "<lambda>", "meter", "meter", "one_too"]
    n = await live.value("first.stats['calls']")
    await live.execute("n = two.stats['calls']\nwait(lambda: two.stats['calls'] > n + 5)")
    assert await live.value("first.stats['calls']") <= n + 1
    assert await live.value("first(lab.video.latest()).shape") == [480, 640, 3]  # still a plain function
    await live.execute("for again in range(2):\n    lab.watch_video(lambda frame: 3)")
    assert await live.value("len(lab._callbacks.all())") == 7


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (
            "@lab.on_video(controls=dict(kk=(1, 9)))\ndef effect(frame, k): pass",
            "TypeError",
            "did you mean 'k'?",
        ),
        ("@lab.on_video\ndef effect(frame, k): pass", "TypeError", "missing a required argument: 'k'"),
        ("@lab.on_video(contorls={})\ndef effect(frame): pass", "TypeError", "did you mean 'controls'?"),
        ("@lab.on_video(size=(0, 5))\ndef effect(frame): pass", "ValueError", "size is (width, height)"),
        ("@lab.on_video(controls=dict(k=[]))\ndef effect(frame, k): pass", "ValueError", "no options"),
        ("lab.on_audio(hop=1024, block=512)", "ValueError", "hop is at most block (512)"),
        ("lab.on_audio(hop=4, block=512)", "ValueError", "hop is 16 samples"),
        ("lab.watch_video(max_rate_hz=0)", "ValueError", "max_rate_hz is positive"),
        ("lab.watch_video(source='camara')(print)", "EngineError", "there are camera, screen"),
        ("lab.watch_audio(blok=512)", "TypeError", "did you mean 'block'?"),
        ("lab.video.latest(fromat='bgr')", "TypeError", "did you mean 'format'?"),
        ("lab.video.frames(timeout=1)", "TypeError", "did you mean 'timeout_s'?"),
        ("lab.video.grab(2, evry=2)", "TypeError", "did you mean 'every'?"),
        ("lab.audio.last(1, samplerate=8000)", "TypeError", "did you mean 'sample_rate'?"),
        ("lab.audio.record(1, chanels=1)", "TypeError", "did you mean 'channels'?"),
        ("lab.audio.chunks(hopp=1)", "TypeError", "did you mean 'hop'?"),
        ("lab.wait_live(timeout=1)", "TypeError", "did you mean 'timeout_s'?"),
        ("await lab.live(timeout=1)", "TypeError", "did you mean 'timeout_s'?"),
        ("lab.start(now=True)", "TypeError", "it takes none"),
    ],
)
async def test_a_registration_that_fails_says_why_and_leaves_the_last_good_one(
    live: Kernel, code: str, kind: str, words: str
) -> None:
    """Each slip of the keyboard is answered at once, and what ran runs on."""
    await live.execute("@lab.on_video\ndef effect(frame): return frame.image\ngood = effect")
    cell = await live.execute(code, check=False)
    assert cell.error is not None
    assert (cell.error.name, words in cell.error.message) == (kind, True), cell.error.message
    await live.execute("n = good.stats['calls']\nwait(lambda: good.stats['calls'] > n + 1)")
    assert await live.value("[one is good for one in lab._callbacks.all()]") == [True]


async def test_async_functions_everywhere(live: Kernel) -> None:
    """Processors, observers and message handlers may be async; what they await keeps nobody else waiting."""
    await live.execute(
        "@lab.on_video\n"
        "async def effect(frame):\n"
        "    await asyncio.sleep(0.001)\n"
        "    return 255 - frame.image\n"
        "@lab.on_audio(block=480)\n"
        "async def gain(chunk):\n"
        "    await asyncio.sleep(0)\n"
        "    return chunk.mono / 2\n"
        "@lab.watch_audio\n"
        "async def hear(chunk):\n"
        "    return chunk.duration_s\n"
        "got = []\n"
        "@lab.on_message\n"
        "async def keep(message):\n"
        "    await asyncio.sleep(0.001)\n"
        "    got.append(message)\n"
        "for n in range(5): lab.send_message(n)\n"
        "wait(lambda: len(got) == 5 and all(one.stats['calls'] > 5 for one in (effect, gain, hear)))"
    )
    assert await live.value("[got, effect.errors, gain.errors, hear.last_result]") == [
        [0, 1, 2, 3, 4],
        {},
        {},
        0.02,
    ]
    assert await live.value("gain.last_result.shape") == [480]


async def test_blocks_overlap_as_asked(live: Kernel) -> None:
    """Observers and chunks get windows of the signal, hop by hop; a processor returns the hop that is new."""
    await live.execute(
        "blocks = []\n"
        "@lab.watch_audio(block=2048, hop=512, sample_rate=16000)\n"
        "def hear(chunk): blocks.append(chunk)\n"
        "starts = []\n"
        "@lab.on_audio(block=4800, hop=960)\n"
        "def gain(chunk):\n"
        "    starts.append((chunk.start_s, len(chunk)))\n"
        "    return chunk.samples[-960:] * 0.5\n"
        "late_s = lab.stats()['processing']['audio_late_s']\n"
        "with lab.audio.chunks(block=1000, hop=250, channels=2) as chunks:\n"
        "    pulled = [next(chunks) for _ in range(20)]\n"
        "skipping = lab.audio.chunks(block=480, hop=4800)\n"
        "skipped = [next(skipping) for _ in range(3)]\n"
        "wait(lambda: len(blocks) > 20 and len(starts) > 60)\n"
        "clear()\nskipping.close()\n"
        "def windows(clips, hop):\n"
        "    'Whether each clip goes on with what the one before it holds, a hop later, in sound and about in time.'\n"
        "    pairs = list(zip(clips, clips[1:]))\n"
        "    times = all(abs(b.start_s - a.start_s - hop / a.sample_rate) < 0.02 for a, b in pairs)\n"
        "    return times and all(np.array_equal(a.samples[hop:], b.samples[:-hop]) for a, b in pairs)\n"
    )
    facts = await live.value(
        "dict(blocks=windows(blocks[:20], 512), pulled=windows(pulled, 250), shape=pulled[0].samples.shape,"
        " length={n for _, n in starts} == {4800}, gaps=sum(len(c.gaps) for c in blocks[:20] + pulled),"
        " skipped=[len(c) for c in skipped], step_s=skipped[1].start_s - skipped[0].start_s)"
    )
    step_s = facts.pop("step_s")
    assert step_s == pytest.approx(0.1, abs=0.02)
    assert facts == {
        "blocks": True,
        "pulled": True,
        "shape": [1000, 2],
        "length": True,
        "gaps": 0,
        "skipped": [480] * 3,
    }
    cell = await live.execute("@lab.on_audio(block=4800, hop=960)\ndef whole(chunk): return chunk.samples")
    text = await shown(live, cell.display_ids[0], "ValueError")
    assert "with hop=960 return the 960 that stand for its last ones, as in out[-960:]" in text


async def test_exit_in_a_function_is_an_error_as_any(live: Kernel) -> None:
    """`exit()` and a CancelledError end neither the thread nor the kernel: said, and it is called again."""
    cell = await live.execute(
        "import sys\n"
        "@lab.watch_video\n"
        "def leaves(frame): sys.exit('enough')\n"
        "@lab.watch_audio\n"
        "def cancelled(chunk): raise asyncio.CancelledError\n"
        "@lab.on_message\n"
        "def leaves_too(message): raise SystemExit(message)\n"
        "lab.send_message('one'); lab.send_message('two')\n"
        "wait(lambda: leaves.stats['errors'] > 2 and cancelled.stats['errors'] > 2)"
    )
    assert await live.value("[leaves.errors.keys() == {'SystemExit: enough'}, lab.state]") == [True, "live"]
    leaves, _, message = cell.display_ids
    assert "SystemExit: enough" in live.shown[leaves]["text/plain"]
    await shown(live, message, "SystemExit: two")
    await live.execute("lab.on_message(lambda message: None)")


async def test_of_observers_that_share_a_thread_the_right_one_is_named(live: Kernel) -> None:
    """What sleeps beyond Python's reach is named with what to do; what waits behind it is not, and then goes on."""
    cell = await live.execute(
        "from smallrtc_lab.lab import report, worker\n"
        "usual_s = worker.STOP_S\n"
        "worker.STOP_S = report.STOP_S = 4.0\n"
        "gate, slept = threading.Event(), []\n"
        "@lab.watch_video\n"
        "def waits(frame): pass\n"
        "@lab.watch_video\n"
        "def sleeps(frame):\n"
        "    if not slept:\n"
        "        slept.append(frame.sequence)\n"
        "        gate.wait(100)\n"
        "@lab.watch_video\n"
        "def waits_too(frame): pass\n"
    )
    first, culprit, last = cell.display_ids
    said = await shown(live, culprit, "has not returned for")
    assert "what shares its thread waits" in said
    assert "stuck-sleeps" in await live.value("lab.mirror.problems")
    said = await shown(live, culprit, "Python cannot stop (C code, a sleep, a lock)")
    assert "restart the kernel" in said
    names = [name for name in await live.value("lab.mirror.problems") if name.startswith("stuck")]
    assert names == ["stuck-sleeps"]
    assert live.shown[first]["text/plain"] == live.shown[last]["text/plain"] == ""
    await live.execute("n = waits.stats['calls']\ngate.set()\nwait(lambda: waits.stats['calls'] > n + 3)", 90)
    await shown(live, culprit, "CallbackStopped")  # asked to stop while it slept, and did when it woke
    await live.execute("worker.STOP_S = report.STOP_S = usual_s")


async def test_a_message_handler_that_never_returns_is_named_and_stopped(live: Kernel) -> None:
    """An endless loop in one ends; the messages that waited behind it are handled."""
    cell = await live.execute(
        "from smallrtc_lab.lab import report, worker\n"
        "usual_s = worker.STOP_S\n"
        "worker.STOP_S = report.STOP_S = 5.0\n"
        "taken = []\n"
        "@lab.on_message\n"
        "def endless(message):\n"
        "    taken.append(message)\n"
        "    while message == 'first': pass\n"
        "lab.send_message('first'); lab.send_message('second')"
    )
    await shown(live, cell.display_ids[0], "endless has not returned for")
    text = await shown(live, cell.display_ids[0], "was stopped")
    assert "CallbackStopped: it had not returned after 5 s" in text
    await live.wait_value("taken", lambda seen: seen == ["first", "second"], timeout_s=60)
    await live.execute("worker.STOP_S = report.STOP_S = usual_s")


async def test_the_names_of_a_widget_keep_their_meaning(live: Kernel) -> None:
    """`keys`, `log`, `send`, `on_msg`, `open`, `close` are ipywidgets' own; traits link and are read-only."""
    facts: dict[str, Any] = await live.value(
        "dict(widget=isinstance(lab, anywidget.AnyWidget), keys={'layout', '_esm', '_session'} <= set(lab.keys),"
        " log=type(lab.log).__name__, comm=lab.comm is not None,"
        " read_only=[lab.traits()[n].read_only for n in ('state', 'route', 'error', 'level_db', 'fps')],"
        " inherited=[n for n in ('send', 'on_msg', 'open', 'log', 'keys') if n in vars(Lab)])"
    )
    assert facts == {
        "widget": True,
        "keys": True,
        "log": "Logger",
        "comm": True,
        "read_only": [True] * 5,
        "inherited": [],
    }
    live.comm_messages.clear()
    await live.execute(
        "heard = []\n"
        "handler = lambda widget, content, buffers: heard.append((widget is lab, content, len(buffers)))\n"
        "lab.on_msg(handler)\n"
        "lab._handle_msg({'content': {'data': {'method': 'custom', 'content': {'x': 1}}}, 'buffers': [b'12']})\n"
        "lab.on_msg(handler, remove=True)\n"
        "lab.send({'to': 'the page'}, [b'1234'])\n"
        "lab.open()\n"
        "class Other(traitlets.HasTraits):\n"
        "    state = traitlets.Unicode()\n"
        "other = Other()\n"
        "link = traitlets.dlink((lab, 'state'), (other, 'state'))\n"
    )
    assert await live.value("[heard, other.state]") == [[[True, {"x": 1}, 1]], "live"]
    sent = [m["content"]["data"] for m in live.comm_messages if m["msg_type"] == "comm_msg"]
    assert [d["content"] for d in sent if d.get("method") == "custom"] == [{"to": "the page"}]
    assert [m for m in live.comm_messages if m["msg_type"] == "comm_open"] == []  # it was open
    await live.execute("spare = Lab(name='spare')\nspare.close()\nspare.close()")
    assert await live.value("[spare.comm is None, spare.state, lab.state]") == [True, "closed", "live"]
