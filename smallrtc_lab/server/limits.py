"""What one server lets its sessions do: numbers only, so that the broker needs no configuration system.

``config.py`` makes each of them a setting, with the defaults that stand here.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Counts, sizes in bytes, waits in seconds, rates a second or a minute."""

    max_sessions: int = 64
    max_pages_per_session: int = 8
    max_plots_per_session: int = 32
    max_connections: int = 4
    max_pending_requests: int = 32
    max_invitations: int = 1000
    max_body_bytes: int = 256 * 1024
    max_message_bytes: int = 64 * 1024
    max_media_bytes: int = 2 * 1024 * 1024
    max_link_message_bytes: int = 16 * 1024 * 1024
    max_queue_messages: int = 256
    max_queue_bytes: int = 4 * 1024 * 1024
    offers_per_minute: int = 60
    patches_per_minute: int = 1200
    messages_per_second: int = 200
    max_width: int = 1920
    max_height: int = 1080
    max_frame_rate: float = 60.0
    max_bitrate_bps: int = 8_000_000
    invitation_life_s: float = 3600.0
    engine_wait_s: float = 5.0
    request_timeout_s: float = 15.0
    write_timeout_s: float = 10.0
    close_timeout_s: float = 2.0

    def for_engine(self) -> dict[str, int | float]:
        """What the engine clips to: the ``limits`` of the link's ``welcome``."""
        return {
            "max_width": self.max_width,
            "max_height": self.max_height,
            "max_frame_rate": self.max_frame_rate,
            "max_bitrate_bps": self.max_bitrate_bps,
            "max_connections": self.max_connections,
            "max_message_bytes": self.max_message_bytes,
            "max_link_message_bytes": self.max_link_message_bytes,
        }
