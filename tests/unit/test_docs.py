"""The page of all public names: complete, and its examples are Python."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import smallrtc_lab
from smallrtc_lab.frames import AudioClip, VideoClip, VideoFrame
from smallrtc_lab.lab.audio import AudioStream
from smallrtc_lab.lab.callbacks import Callback
from smallrtc_lab.lab.lab import Lab
from smallrtc_lab.lab.plot import Plot
from smallrtc_lab.lab.plots import Plots
from smallrtc_lab.lab.pulling import Puller
from smallrtc_lab.lab.recording import Recording
from smallrtc_lab.lab.sending_playback import Playback
from smallrtc_lab.lab.traits import Mirrored
from smallrtc_lab.lab.video import VideoStream
from smallrtc_lab.media.take import Take

API = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", API, re.DOTALL | re.MULTILINE)
CODE = "\n".join([*EXAMPLES, *re.findall(r"`([^`\n]+)`", API)])
# Of a handle: for the house itself.
INSIDE = {
    "asked",
    "controls",
    "engine_event",
    "fallback",
    "identity",
    "kind",
    "meanwhile",
    "on_remove",
    "processes",
    "reopen",
    "replayed",
    "say",
    "stuck",
}


def offered(kind: type) -> set[str]:
    """Public methods, properties, traits and fields of a class, without those of other packages' classes."""
    public = {
        name
        for ours in kind.__mro__
        if ours.__module__.startswith("smallrtc_lab")
        for name, thing in vars(ours).items()
        if inspect.isfunction(thing) or isinstance(thing, (property, Mirrored))
    }
    if dataclasses.is_dataclass(kind):
        public |= {field.name for field in dataclasses.fields(kind)}
    return {name for name in public if not name.startswith("_")} - INSIDE


@pytest.mark.parametrize("name", smallrtc_lab.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each name of the package stands in the page as code."""
    assert re.search(rf"\b{name}\b", CODE), f"docs/api.md has no `{name}`"


@pytest.mark.parametrize(
    ("kind", "spoken"),
    [
        (Lab, "lab"),
        (VideoStream, "lab.video"),
        (AudioStream, "lab.audio"),
        (VideoFrame, "frame"),
        (VideoClip, "clip"),
        (AudioClip, "clip"),
        (Callback, "motion"),
        (Recording, "recording"),
        (Playback, "tone"),
        (Take, "take"),
        (Plot, "voice"),
        (Plots, "lab.plot"),
    ],
)
def test_every_method_of_what_a_person_holds_is_there(kind: type, spoken: str) -> None:
    """Methods, properties and traits, as one types them."""
    names = offered(kind)
    assert len(names) > 3
    missing = [name for name in sorted(names) if not re.search(rf"\b{spoken}\.{name}\b", CODE)]
    assert not missing, f"docs/api.md has nothing of {spoken}.{', '.join(missing)}"


def test_what_an_iterator_has_is_there() -> None:
    """A loop's iterator can be closed and counts."""
    assert offered(Puller) == {"close"}
    for name in ("dropped", "close()"):
        assert f"`{name}`" in API


def test_every_keyword_is_there() -> None:
    """Each keyword of a public method is found somewhere in the page."""
    for kind in (Lab, VideoStream, AudioStream):
        for name in offered(kind):
            function = inspect.getattr_static(kind, name)
            if not inspect.isfunction(function):
                continue
            for parameter in inspect.signature(function).parameters.values():
                if parameter.kind is parameter.KEYWORD_ONLY:
                    assert re.search(rf"\b{parameter.name}\b", CODE), f"{name}({parameter.name}=)"


@pytest.mark.parametrize("kind", [Lab, VideoStream, AudioStream])
def test_methods_with_arguments_have_an_example_in_their_words(kind: type) -> None:
    """What `lab.method?` shows holds one, where there is anything to choose."""
    for name in offered(kind):
        function = inspect.getattr_static(kind, name)
        if inspect.isfunction(function) and len(inspect.signature(function).parameters) > 1:
            assert ">>>" in (function.__doc__ or ""), f"{kind.__name__}.{name} has no example"


@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_are_python(code: str) -> None:
    """They compile, as cells do."""
    compile(code, "api.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
