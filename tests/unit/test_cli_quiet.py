"""What is kept out of a person's terminal, and that nothing else is."""

from __future__ import annotations

import logging

import pytest

from smallrtc_lab.cli.quiet import hush


def test_two_lines_are_dropped_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """The warning about pings and the signal's line are gone; everything else of both logs is still said."""
    server, general = logging.Logger("server"), logging.getLogger("tornado.general")
    server.addHandler(caplog.handler)
    before = list(general.filters)
    try:
        hush(server)
        general.warning("The websocket_ping_timeout (90000) cannot be longer than …")
        general.warning("Could not open static file")
        server.critical("received signal %d, stopping", 2)
        server.critical("Shutdown confirmed")
    finally:
        general.filters[:] = before
    assert [record.getMessage() for record in caplog.records] == [
        "Could not open static file",
        "Shutdown confirmed",
    ]
