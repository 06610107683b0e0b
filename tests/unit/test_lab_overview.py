"""What `labs()` shows of each lab."""

from __future__ import annotations

from typing import Any

import pytest

from smallrtc_lab.lab.overview import Labs, Row, connected, markup, text

ROW = Row("lab, made by In [3]", "live since 14:03:59", ("camera", "a <b>"), "lab.stop() or lab.close()")


def stats(**more: Any) -> dict[str, Any]:
    """An engine's figures of a session nobody is in."""
    return {"pages": [], "simulated": None, "connection": {}, **more}


def test_a_row_as_text_and_as_a_table() -> None:
    """Both forms hold every word, and nothing of a person's names is taken for HTML."""
    assert text([ROW]).splitlines() == [
        "lab, made by In [3]: live since 14:03:59",
        "    camera",
        "    a <b>",
        "    to end it: lab.stop() or lab.close()",
    ]
    table = markup([ROW])
    for word in (
        "made by In [3]",
        ">a &lt;b&gt;</div>",
        "<code>lab.stop()</code><br><code>lab.close()</code>",
    ):
        assert word in table


def test_nothing_open_is_said() -> None:
    """Without a lab there is a sentence in place of an empty list, which it still equals."""
    assert Labs([]) == []
    assert repr(Labs([])) == "No lab is open: no device, no connection, no media process."
    assert "No lab is open" in Labs([])._repr_html_()


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (stats(), []),
        (stats(simulated={}), ["a simulated browser, lab.simulate()"]),
        (stats(connection={"route": "direct"}), ["a client from outside"]),
        (
            stats(pages=[{"state": "live", "visible": False}, {"state": "idle", "visible": True}]),
            [
                "camera 640×480 and microphone in a page (live)",
                "1 page shows it with closed devices",
                "1 of 2 pages hidden",
            ],
        ),
        (stats(pages=[{"state": "idle", "visible": True}] * 2), ["2 pages show it with closed devices"]),
    ],
)
def test_who_keeps_it_on(figures: dict[str, Any], said: list[str]) -> None:
    """A page with its devices, other pages, a simulated browser, a client from outside: each in plain words."""
    settings = {"audio": {"sampleRate": 48000}, "video": {"width": 640, "height": 480}, "screen": None}
    assert connected(figures, settings) == said


def test_devices_that_are_not_granted_yet() -> None:
    """A page that still asks for permission is named all the same."""
    asking = stats(pages=[{"state": "asking", "visible": True}])
    assert connected(asking, {"audio": None, "video": None}) == ["devices in a page (asking)"]
