"""How large the pieces are in which messages travel: one setting for the whole process, from the environment.

A data channel message is cut into SCTP chunks (RFC 9260, section 3.3.1). Around the user data of one chunk lie 12 + 16
bytes of SCTP, up to 37 of DTLS, 8 of UDP and 20 (IPv4) or 40 (IPv6) of IP. A datagram larger than a path lets through
(its MTU) is lost each time it is sent again, and every message behind it waits for ever: VPNs and mobile networks
have MTUs of 1280 bytes. 1100 bytes of user data make 1193 bytes over IPv4, and 1213 over IPv6.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["DEFAULT_BYTES", "LARGEST_BYTES", "SMALLEST_BYTES", "VARIABLES", "sctp_chunk_bytes"]

VARIABLES = ("SMALLRTC_SCTP_MAX_CHUNK_SIZE", "PIPECAT_SCTP_MAX_CHUNK_SIZE")  # the first that is set counts
DEFAULT_BYTES = 1100
SMALLEST_BYTES = 256  # every path lets through 576 bytes (RFC 791); below, headers outweigh the data
LARGEST_BYTES = 1400  # fits Ethernet's 1500 over IPv4


def sctp_chunk_bytes(environment: Mapping[str, str]) -> int:
    """User data of one SCTP chunk in bytes, a multiple of 4, as chunks are padded to that.

    Raises ``ValueError`` with the allowed range when a variable holds anything else.
    """
    for name in VARIABLES:
        text = environment.get(name, "").strip()
        if text:
            return _checked(name, text)
    return DEFAULT_BYTES


def _checked(name: str, text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not SMALLEST_BYTES <= number <= LARGEST_BYTES:
        raise ValueError(
            f"{name} is a number of bytes from {SMALLEST_BYTES} to {LARGEST_BYTES}, not {text[:40]!r}; "
            f"unset it for the default of {DEFAULT_BYTES}"
        )
    return number // 4 * 4
