"""How an engine proves whose it is."""

from __future__ import annotations

from smallrtc_lab.server.proof import link_proof, proves


def test_proof_is_the_documented_one() -> None:
    """HMAC-SHA256 over "smallrtc-link:" and the kernel's id; this value was made with openssl."""
    assert link_proof("k1", b"key") == "8aa8ecd7c8cb26ffee4eebb6843e23d134bd99945dc270fdbe330c410f8479cc"


def test_only_the_right_proof_counts() -> None:
    """Another key, another kernel, another text or no key at all prove nothing."""
    proof = link_proof("k1", b"key")
    assert proves(proof, "k1", b"key")
    assert not proves(proof, "k2", b"key")
    assert not proves(proof, "k1", b"other")
    assert not proves("", "k1", b"key")
    assert not proves("é", "k1", b"key")
    assert not proves(link_proof("k1", b""), "k1", b"")
