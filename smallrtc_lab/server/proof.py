"""How an engine proves whose it is: an HMAC with the key of its kernel's connection file (RFC 2104).

Only the kernel, what it starts, and the server that made the file know that key.
"""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["link_proof", "proves"]


def link_proof(kernel_id: str, key: bytes) -> str:
    """The proof as hexadecimal digits."""
    return hmac.new(key, f"smallrtc-link:{kernel_id}".encode(), hashlib.sha256).hexdigest()


def proves(proof: str, kernel_id: str, key: bytes) -> bool:
    """Whether ``proof`` is the right one, in constant time. Without a key there is nothing to prove."""
    return bool(key) and hmac.compare_digest(proof.encode(), link_proof(kernel_id, key).encode())
