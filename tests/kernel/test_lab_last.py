"""The last seconds and their replay in a real kernel, with a simulated browser and without any."""

from __future__ import annotations

import pytest
import pytest_asyncio
from support.kernel import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="module")

FUNCTIONS = """
@lab.on_video(format="bgr", controls=dict(k=(1, 9, 2)))
def effect(frame, k):
    return np.roll(frame.image, k, axis=1)

@lab.watch_video(max_rate_hz=10, size=(160, 120))
def motion(frame):
    before, state["before"] = state.get("before"), frame.gray.astype(int)
    return None if before is None else float(np.abs(state["before"] - before).mean())

@lab.on_audio(block=960, hop=480, sample_rate=16000)
def gain(chunk):
    return chunk.samples[-480:] * 0.5

@lab.watch_audio(block=2048, hop=512)
async def rms(chunk):
    return float(np.sqrt((chunk.mono**2).mean()))
"""
SAME = (
    "bool(np.array_equal(a.video.images, b.video.images) and np.array_equal(a.audio.samples, b.audio.samples)"
    " and a.results['motion'] == b.results['motion'] and a.results['rms'] == b.results['rms']"
    " and all(np.array_equal(a.times_s[n], b.times_s[n]) for n in a.times_s) and list(a.times_s) == list(b.times_s))"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def idle(shared_kernel: Kernel) -> Kernel:
    """A kernel with a lab that nobody has started, and functions."""
    await shared_kernel.execute(
        "import numpy as np\nfrom smallrtc_lab import Lab, Take\nlab = Lab(name='last')\nstate = {}\n"
        + FUNCTIONS
    )
    return shared_kernel


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(idle: Kernel) -> Kernel:
    """The same with a few seconds of a moving picture and a tone, of which `take` holds a part."""
    await idle.execute(
        "lab.simulate(video='pattern', audio='tone', width=320, height=240, frame_rate=15)\nlab.wait_live(60)"
    )
    await idle.execute("lab.values['f0'] = 440\nlab.send_message({'hello': 'browser'})")
    await idle.wait_value("lab.last(60).duration_s", lambda seconds: seconds > 3)
    await idle.execute("take = lab.last(1.5)")
    return idle


@pytest.mark.parametrize("code", ["lab.last(2)", "lab.video.last(2)", "lab.screen.last(2)"])
async def test_before_anything_is_live_it_says_what_to_do(idle: Kernel, code: str) -> None:
    """As all reading does."""
    cell = await idle.execute(code, check=False)
    assert cell.error is not None
    assert (cell.error.name, cell.error.message) == ("NotLiveError", "click Start, or call lab.wait_live()")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("lab.last(0)", "ValueError", "positive"),
        ("lab.last(secnds=3)", "TypeError", "did you mean 'seconds'?"),
        ("lab.video.last(2, every=0)", "ValueError", "at least 1"),
        ("lab.video.last(2, width=1)", "ValueError", "2 to 8192"),
        ("lab.video.last(2, evry=2)", "TypeError", "did you mean 'every'?"),
        ("Lab(keep_s=-1)", "ValueError", "keep nothing"),
        ("Lab(keep_s='all')", "ValueError", "0 (keep nothing) to 300"),
        ("lab.replay()", "TypeError", "nothing to replay"),
        ("lab.replay('nothing.mp4')", "FileNotFoundError", "there is no file nothing.mp4"),
        ("lab.replay(5)", "TypeError", "not int"),
        ("lab.replay(np.zeros(10), samples=np.zeros(10))", "TypeError", "sound twice"),
        ("lab.replay(np.zeros((2, 8, 8), np.uint8), speed=0)", "ValueError", "as fast as can be"),
        ("lab.replay(np.zeros((2, 8, 8), np.uint8), sped=1)", "TypeError", "did you mean 'speed'?"),
        (
            "open('a.txt', 'w').write('x')\nTake.load('a.txt')",
            "ValueError",
            "a.txt is no take, or a damaged one",
        ),
        (
            "open('b.txt', 'w').write('x')\nlab.replay('b.txt')",
            "ValueError",
            "cannot be read as video or sound",
        ),
    ],
)
async def test_wrong_arguments_are_errors_that_help(idle: Kernel, code: str, kind: str, words: str) -> None:
    """Each mistake raises at once, of the right class, and names what would be right."""
    cell = await idle.execute(code, check=False)
    assert cell.error is not None
    assert cell.error.name == kind
    assert words in cell.error.message


async def test_replay_needs_nothing_that_is_live(idle: Kernel) -> None:
    """Arrays through the functions of a lab that nobody started: exact, complete, and the same each time."""
    await idle.execute(
        "rng = np.random.default_rng(1)\n"
        "images = rng.integers(0, 256, (30, 48, 64, 3), np.uint8)\n"
        "sound = rng.uniform(-0.5, 0.5, 16000).astype(np.float32)\n"
        "def once():\n    state.clear()\n    return lab.replay(images, samples=sound, sample_rate=16000)\n"
        "a, b = once(), once()"
    )
    assert await idle.value(SAME)
    assert await idle.value("(a.video.images == np.roll(images[..., ::-1], 5, axis=2)).all()")
    assert await idle.value("[len(a.results[n]) for n in ('effect', 'motion', 'gain', 'rms')]") == [
        30,
        10,
        32,
        90,
    ]
    assert await idle.value("bool(np.allclose(a.audio.samples[:, 0], sound[480:15840] / 2))")
    assert await idle.value("[a.audio.start_s, a.errors]") == [0.03, {}]
    assert await idle.value("[one.runs for one in (effect, motion, gain, rms)]") == [True] * 4


async def test_a_function_that_fails_is_told_and_the_original_stands(idle: Kernel) -> None:
    """Its errors come with their times and are shown under its cell; nothing else stops."""
    cell = await idle.execute(
        "@lab.watch_video\ndef broken(frame):\n    if frame.sequence % 2:\n        raise KeyError(frame.sequence)\n"
        "    return 1\n"
        "c = lab.replay(images[:4])\nbroken.remove()"
    )
    assert await idle.value("[c.results['broken'], [f.time_s for f in c.errors['broken']]]") == [
        [1, None, 1, None],
        pytest.approx([1 / 30, 0.1]),
    ]
    assert await idle.value("type(c.errors['broken'][0].error).__name__") == "KeyError"
    assert cell.error is None
    assert await idle.value("len(c.results['effect'])") == 4


async def test_a_replay_in_real_time_is_live(idle: Kernel) -> None:
    """Plots, readers and the last seconds see exactly what the functions get; then the lab is idle again."""
    await idle.execute(
        "real = Lab(name='real time')\nstates = []\nreal.observe(lambda change: states.append(change.new), 'state')\n"
        "@real.watch_video\ndef number(frame):\n    return frame.sequence\n"
        "noise = rng.integers(-9999, 9999, (48000, 2)).astype(np.int16)\n"
        "result = real.replay(images, samples=noise, sample_rate=48000, speed=1.0)"
    )
    assert await idle.value("result.results") == {"number": list(range(30))}
    await idle.wait_value("real.state == 'idle' and 'live' in states")
    assert await idle.value("bool(np.array_equal(real.video.latest().image, images[-1]))")
    await idle.execute("kept = real.last(60)\nheard = np.rint(kept.audio.samples * 32768).astype(np.int16)")
    assert await idle.value(
        "any(np.array_equal(heard[-960:], noise[at:at + 960]) for at in range(0, 48000, 960))"
    )
    assert await idle.value("kept.video.images.shape[1:]") == [48, 64, 3]
    await idle.execute("real.simulate(width=320, height=240)\nreal.wait_live(60)")
    cell = await idle.execute("real.replay(images, speed=1.0)", check=False)
    assert cell.error is not None
    assert "lab.stop() first" in cell.error.message
    await idle.execute("real.close()")


async def test_the_last_seconds_are_a_take(live: Kernel) -> None:
    """Sound, pictures, messages, values and statistics of some seconds, which begin and end together."""
    facts = await live.value(
        "dict(seconds=take.duration_s, sound=take.audio.duration_s, apart=abs(take.audio.start_s - take.start_s),"
        " shape=take.video.images.shape[1:], pictures=len(take.video), own=take.video.images.flags.c_contiguous,"
        " first=take.video.times_s[0] - take.start_s, rows=len(take.statistics), shareable=take.shareable)"
    )
    print(facts, await live.value("repr(take)"))
    assert facts["seconds"] == pytest.approx(1.5)
    assert facts["sound"] == pytest.approx(1.5, abs=0.01)
    assert facts["apart"] < 0.01
    assert facts["shape"] == [240, 320, 3]
    assert facts["pictures"] > 5
    assert 0 <= facts["first"] < 1.0
    assert facts["rows"] > 0
    assert facts["shareable"]
    noted = await live.value("[(m.sender, m.message) for m in lab.last(60).messages]")
    assert ["python", {"hello": "browser"}] in noted
    names = await live.value(
        "[(e.name, e.details.get('f0'), e.details.get('state')) for e in lab.last(60).events]"
    )
    assert ["values", 440, None] in names
    assert "<img" not in await live.value("take._repr_html_()")


async def test_the_last_pictures_are_an_array(live: Kernel) -> None:
    """Fewer and smaller ones on request, in each format; what there is when more was asked for."""
    await live.execute(
        "clip = lab.video.last(1, every=2, width=160, format='gray'); long = lab.video.last(500, width=64)"
    )
    shape = await live.value("clip.images.shape")
    assert shape[1:] == [120, 160]
    assert 2 < shape[0] <= 16
    assert await live.value("[clip.times_s[-1] - clip.times_s[0] <= 1, clip.images.flags.writeable]") == [
        True,
        True,
    ]
    assert await live.value("long.duration_s") > 2
    memory = await live.value("dict(lab.stats()['memory'])")
    assert memory["audio_ring_bytes"] == 30 * 48000 * 4
    assert 0 < memory["camera_ring_bytes"] <= 37_500_000


async def test_a_saved_take_replays_the_same(live: Kernel) -> None:
    """The take, what was loaded, and the file: equal pictures, samples, values and times."""
    await live.execute("lab.stop()")  # a live picture between clear() and replay() would be in `state`
    await live.wait_value("lab.state == 'idle'")
    await live.execute(
        "def once(source):\n    state.clear()\n    return lab.replay(source)\n"
        "take.save('a.take'); loaded = Take.load('a.take')\na, b, c = once(take), once(loaded), once('a.take')"
    )
    assert await live.value(SAME)
    await live.execute("b = c")
    assert await live.value(SAME)
    assert await live.value(
        "np.array_equal(a.video.images, np.roll(take.video.images[..., ::-1], 5, axis=2))"
    )
    assert await live.value(
        "len(a.video) == len(take.video) and np.array_equal(a.video.times_s, take.video.times_s)"
    )
    cell = await live.execute("take.save('a.take')", check=False)
    assert cell.error is not None
    assert cell.error.name == "FileExistsError"
    await live.execute("lab.simulate()\nlab.wait_live(60)\ncalls = motion.stats['calls']")
    await live.wait_value("motion.stats['calls'] > calls")  # functions get what is live again


async def test_a_lab_that_keeps_nothing_says_so(live: Kernel) -> None:
    """With keep_s=0 the past is nowhere."""
    await live.execute(
        "none = Lab(name='none', keep_s=0)\nnone.simulate(width=320, height=240)\nnone.wait_live(60)"
    )
    for code in ("none.last(1)", "none.audio.last(1)", "none.video.last(1)"):
        cell = await live.execute(code, check=False)
        assert cell.error is not None
        assert "keeps nothing" in cell.error.message
    assert await live.value("none.video.latest().image.shape") == [240, 320, 3]
    await live.execute("none.close()")


async def test_a_replay_is_alone_and_ends_with_its_lab(idle: Kernel) -> None:
    """A second one would find all functions paused, and says so; closing the lab ends it at once, with a sentence."""
    await idle.execute(
        "import threading\nother = Lab(name='other')\nbegun = threading.Event()\n"
        "@other.on_video\ndef seen(frame):\n    begun.set()\n    return frame.image\n"
        "said = []\n"
        "def meanwhile():\n"
        "    begun.wait(60)\n"
        "    try:\n        other.replay(np.zeros((2, 48, 64, 3), np.uint8))\n"
        "    except Exception as error:\n        said.append(str(error))\n"
        "    other.close()\n"
        "thread = threading.Thread(target=meanwhile)\nthread.start()"
    )
    cell = await idle.execute("other.replay(np.zeros((1800, 48, 64, 3), np.uint8), speed=1.0)", check=False)
    assert cell.error is not None
    assert cell.error.name == "ClosedError"
    assert cell.duration_s < 50
    await idle.execute("thread.join(60)")
    assert "replays something already" in (await idle.value("said"))[0]
    assert (await idle.execute("other.replay(np.zeros(480))", check=False)).error is not None
