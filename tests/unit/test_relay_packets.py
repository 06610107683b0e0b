"""The packets of a relay socket, by the golden ones that TypeScript reads, too."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from smallrtc_lab.errors import ProtocolError
from smallrtc_lab.relay.packets import Codec, Control, Media, MessageText, Packet, Report, Stream, pack, parse

GOLDEN = json.loads((Path(__file__).parents[1] / "contract" / "relay.json").read_text())
KINDS = {Media: "media", Report: "report", MessageText: "message", Control: "control"}


def described(packet: Packet) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in packet._asdict().items():
        if isinstance(value, Enum):
            fields[name] = value.name.lower()
        else:
            fields[name] = value.hex() if isinstance(value, bytes) else value
    return {"kind": KINDS[type(packet)], **fields}


@pytest.mark.parametrize("golden", GOLDEN["good"], ids=lambda golden: golden["what"])
def test_good_packets_are_read_and_written_back(golden: dict[str, Any]) -> None:
    """Every field means what the contract says, and the same bytes come out again."""
    packet = parse(bytes.fromhex(golden["hex"]))
    assert described(packet) == golden["packet"]
    assert pack(packet).hex() == golden["hex"]


@pytest.mark.parametrize("golden", GOLDEN["bad"], ids=lambda golden: golden["what"])
def test_what_is_no_packet_is_a_protocol_error(golden: dict[str, Any]) -> None:
    """Never another exception: the bytes come from a stranger."""
    with pytest.raises(ProtocolError):
        parse(bytes.fromhex(golden["hex"]))


def test_the_count_of_bytes_wraps() -> None:
    """A report of a long session stays a report."""
    packet = Report(Stream.CAMERA, 1, received_bytes=2**32 + 7)
    assert parse(pack(packet)) == packet._replace(received_bytes=7)


def test_the_contract_has_every_kind_stream_and_codec() -> None:
    """What is added to the format is added to the golden packets."""
    packets = [golden["packet"] for golden in GOLDEN["good"]]
    assert {packet["kind"] for packet in packets} == set(KINDS.values())
    streams = {packet["stream"] for packet in packets if "stream" in packet}
    assert streams == {stream.name.lower() for stream in Stream}
    codecs = {packet["codec"] for packet in packets if "codec" in packet}
    assert codecs == {codec.name.lower() for codec in Codec} - {"none"}
