"""Keyframes when they are needed, and no more often."""

from __future__ import annotations

from smallrtc_lab.relay.keyframes import KeyframeAsk, KeyframeGate


def test_the_first_picture_is_a_keyframe_and_then_one_a_second_at_most() -> None:
    """However often one is wanted; a wish that came too early is granted later."""
    gate = KeyframeGate()
    assert gate.take(0.0)
    assert not gate.take(0.1)
    gate.want()
    gate.want()
    assert not gate.take(0.5)
    assert gate.take(1.0)
    assert not gate.take(3.0)


def test_without_a_keyframe_nothing_is_decoded_and_one_is_asked_for() -> None:
    """Once a second, from the beginning and after every error, until it came."""
    ask = KeyframeAsk()
    assert not ask.usable(keyframe=False)
    assert ask.ask(0.0)
    assert not ask.ask(0.5)
    assert ask.ask(1.0)
    assert ask.usable(keyframe=True)
    assert ask.usable(keyframe=False)
    assert not ask.ask(5.0)
    ask.lost()
    assert ask.ask(5.1)
    assert not ask.usable(keyframe=False)
