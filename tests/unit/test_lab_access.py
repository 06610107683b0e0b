"""What a lab's calls to its session raise."""

from __future__ import annotations

from typing import Any

import pytest

from smallrtc_lab.errors import ClosedError, NotLiveError
from smallrtc_lab.lab.access import Access
from smallrtc_lab.lab.mirror import Mirror


class Client:
    """The wire to an engine to which nothing has come."""

    def call(self, method: str, **args: Any) -> Any:
        raise NotLiveError


def test_who_is_live_is_not_told_to_click_start() -> None:
    """Before that it is the next step; then what is missing is named, and after the end that the lab is closed."""
    access = Access(Client(), "s1", Mirror(lambda *_: None))  # type: ignore[arg-type]
    with pytest.raises(NotLiveError, match="click Start"):
        access.call("latest", source="screen")
    access.mirror.update(state="live")
    with pytest.raises(NotLiveError, match=r"no screen is shared: .*Lab\(screen=True\)"):
        access.call("latest", source="screen")
    with pytest.raises(NotLiveError, match="the lab is live, but nothing"):
        access.call("last_audio", seconds=1.0)
    access.closed = True
    with pytest.raises(ClosedError):
        access.call("latest", source="screen")
