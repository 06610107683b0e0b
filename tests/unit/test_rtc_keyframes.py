"""PictureChain: what is shown after a picture was lost."""

from __future__ import annotations

from smallrtc_lab.rtc.keyframes import PictureChain


def test_after_a_lost_picture_nothing_passes_up_to_a_keyframe():
    """What depends on the lost one would be shown wrongly; the keyframe mends it."""
    chain = PictureChain()
    given = [(True, False), (False, False), (False, True), (False, False), (True, False), (False, False)]
    passed = [
        chain.passes(keyframe=keyframe, after_gap=after_gap, now_s=index / 30)
        for index, (keyframe, after_gap) in enumerate(given)
    ]
    assert passed == [True, True, False, False, True, True]
    assert chain.left_out == 2
    assert not chain.broken


def test_a_keyframe_right_behind_the_gap_passes():
    """It needs none of those before."""
    chain = PictureChain()
    assert chain.passes(keyframe=True, after_gap=True, now_s=0.0)
    assert not chain.broken


def test_a_client_that_sends_no_keyframe_is_seen_all_the_same():
    """Two seconds later, for a wrong picture is better than none for ever; a keyframe is still wanted."""
    chain = PictureChain()
    assert not chain.passes(keyframe=False, after_gap=True, now_s=10.0)
    assert not chain.passes(keyframe=False, after_gap=True, now_s=11.9)
    assert chain.passes(keyframe=False, after_gap=False, now_s=12.1)
    assert chain.broken
