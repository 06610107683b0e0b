"""MissingPackets: what is asked for again, how often, and for how long."""

from __future__ import annotations

from smallrtc_lab.rtc.nacks import REMEMBERED, MissingPackets


def test_a_lost_packet_is_asked_for_at_once_and_again_until_it_comes():
    """The request or the answer may be lost, too; the packet itself ends it."""
    packets = MissingPackets(again_s=0.1, for_s=0.4)
    assert packets.add(10, 0.0) == []
    assert packets.add(13, 0.01) == [11, 12]
    assert packets.add(14, 0.05) == []
    assert packets.add(15, 0.12) == [11, 12]
    assert packets.add(11, 0.15) == []
    assert packets.add(16, 0.23) == [12]
    assert packets.add(12, 0.24) == []
    assert packets.add(17, 0.35) == []


def test_what_is_of_no_use_any_more_is_not_asked_for():
    """The picture was given up; the sender has forgotten what is far behind."""
    packets = MissingPackets(again_s=0.1, for_s=0.4)
    packets.add(0, 0.0)
    assert packets.add(2, 0.0) == [1]
    assert packets.add(3, 0.5) == []
    asked = packets.add(1000, 0.6)
    assert asked == list(range(1000 - REMEMBERED, 1000))


def test_packets_that_change_places_and_numbers_that_wrap():
    """A late packet that was never asked about is no loss; 0 follows 65535."""
    packets = MissingPackets()
    packets.add(65534, 0.0)
    assert packets.add(1, 0.0) == [65535, 0]
    assert packets.add(65535, 0.01) == []
    assert packets.add(0, 0.01) == []
    assert packets.add(2, 1.0) == []
