"""What may be sent to a stranger, and what is taken out of it."""

from __future__ import annotations

import pytest

from smallrtc_lab.lab.redact import redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("turn:turn.example.org:3478?transport=tcp answers", "turn:<host>:3478?transport=tcp answers"),
        ("stun:192.168.1.20:3478 does not answer", "stun:<host>:3478 does not answer"),
        ("turns:[2001:db8::1]:443 is", "turns:<host>:443 is"),
        (
            "http://hub.example.org:8888/user/mary/?token=abc runs",
            "http://<host>:8888/user/mary/?<query> runs",
        ),
        ("turn:localhost:3478?transport=tcp answers", "turn:localhost:3478?transport=tcp answers"),
        ("http://127.0.0.1:8888/ and ::1", "http://127.0.0.1:8888/ and ::1"),
        ("from 10.1.0.2 to fe80::1 or 2001:db8::7", "from <address> to <address> or <address>"),
        ("version 1.16.0.1000, at 12:30:05", "version 1.16.0.1000, at 12:30:05"),
        ("no file /home/mary/x, nor C:\\Users\\mary\\x", "no file <home>/x, nor <home>\\x"),
        ("Authorization: Bearer c2VjcmV0LXRva2VuLW9mLW1hcnk5OTk= was", "Authorization: Bearer <secret> was"),
        ("the link 0f8c1f1e7a0b4e2e9c390f6b1f1f7b11 broke", "the link <secret> broke"),
        (
            "pairs tried: host–relay over tcp succeeded (3 times)",
            "pairs tried: host–relay over tcp succeeded (3 times)",
        ),
    ],
)
def test_addresses_and_secrets_go_and_what_explains_stays(text: str, redacted: str) -> None:
    """Hosts, IP addresses, home directories, queries and long random words; loopback, ports and words stay."""
    assert redact(text) == redacted
