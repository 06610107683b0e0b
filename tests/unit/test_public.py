"""The public surface: what `import smallrtc_lab` offers, and that each module says what it offers."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import smallrtc_lab

MODULES = [
    info.name
    for info in pkgutil.walk_packages(smallrtc_lab.__path__, "smallrtc_lab.")
    if not info.name.startswith("smallrtc_lab.notebooks") and not info.name.endswith("__main__")
]
PUBLIC = [
    "AudioClip",
    "AudioMixer",
    "BotFileError",
    "Broadcast",
    "ClosedError",
    "ConnectionFailed",
    "ConnectionMode",
    "Diagnosis",
    "EngineCrashed",
    "EngineError",
    "EngineTimeout",
    "Gap",
    "IceServer",
    "Lab",
    "MediaFileError",
    "NotLiveError",
    "Playback",
    "ProtocolError",
    "Recording",
    "RequestError",
    "RunnerArguments",
    "Serving",
    "SmallRTCError",
    "SmallWebRTCConnection",
    "SmallWebRTCPatchRequest",
    "SmallWebRTCRequest",
    "SmallWebRTCRequestHandler",
    "SmallWebRTCTransport",
    "StreamTimeout",
    "Take",
    "TransportParams",
    "VADParams",
    "VideoClip",
    "VideoFrame",
    "close_all",
    "labs",
    "serve",
]


def test_the_surface_is_this_list() -> None:
    """The public names are exactly these, sorted; a new one is added here on purpose."""
    assert smallrtc_lab.__all__ == PUBLIC == sorted(PUBLIC)


def test_every_name_has_a_home_and_every_home_is_public() -> None:
    """The lazy front door knows a module for each public name and for nothing else."""
    assert sorted(smallrtc_lab._HOMES) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_resolves_to_its_home(name: str) -> None:
    """Each public name is loaded on first use, is in the `__all__` of its module, and is listed by dir()."""
    home = importlib.import_module(smallrtc_lab._HOMES[name], "smallrtc_lab")
    assert getattr(smallrtc_lab, name) is getattr(home, name)
    assert name in home.__all__
    assert name in dir(smallrtc_lab)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there is missing in the ordinary way."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = smallrtc_lab.nonsense


@pytest.mark.parametrize("name", MODULES)
def test_each_module_says_what_it_offers(name: str) -> None:
    """Each module has an `__all__`, and everything in it exists; an empty package file needs none."""
    module = importlib.import_module(name)
    if module.__doc__ is None and hasattr(module, "__path__"):
        return
    assert hasattr(module, "__all__"), f"{name} has no __all__"
    missing = [one for one in module.__all__ if not hasattr(module, one)]
    assert not missing
