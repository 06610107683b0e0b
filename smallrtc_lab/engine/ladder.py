"""Which connection of a browser carries its session when there are two: a relay, and WebRTC that is still trying.

    direct tries ──a relay comes──► the relay carries, direct is the candidate ──direct is through──► direct carries
    the relay carries ──an offer──► the same
    the relay is lost ──another of its sockets──► that one carries, the candidate goes on trying

Nothing here waits or sends; :class:`~.flow.Flow` does what it is told.
"""

from __future__ import annotations

from .connections import SessionConnection

__all__ = ["Ladder"]


class Ladder:
    """``current`` carries; ``candidate`` takes over as soon as it is through."""

    def __init__(self) -> None:
        self.current: SessionConnection | None = None
        self.candidate: SessionConnection | None = None

    def begin(self, connection: SessionConnection) -> SessionConnection | None:
        """``connection`` carries from now on, alone. Returns a candidate that is to be given up."""
        given_up, self.candidate = self.candidate, None
        self.current = connection
        return given_up

    def stand_in(self, connection: SessionConnection) -> SessionConnection | None:
        """``connection`` carries from now on, and the one before becomes the candidate.

        Returns a candidate that is to be given up.
        """
        given_up, self.candidate = self.candidate, self.current
        self.current = connection
        return given_up

    def replace(self, connection: SessionConnection) -> SessionConnection | None:
        """``connection`` carries from now on, and a candidate goes on trying; returns the one that is to be let go."""
        before, self.current = self.current, connection
        return before

    def consider(self, connection: SessionConnection) -> SessionConnection | None:
        """``connection`` is to take over when it is through; returns a candidate that is to be given up."""
        given_up, self.candidate = self.candidate, connection
        return given_up

    def climb(self) -> SessionConnection | None:
        """The candidate is through: it carries from now on. Returns the one that is to be let go."""
        before, self.current, self.candidate = self.current, self.candidate, None
        return before

    def gone(self, connection: SessionConnection) -> bool:
        """A connection has ended; whether it was the one that carried. A candidate then is all there is."""
        if connection is self.candidate:
            self.candidate = None
        if connection is not self.current:
            return False
        self.current, self.candidate = self.candidate, None
        return True
