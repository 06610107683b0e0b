"""Bots: functions that serve one client each, and the process that serves a file with one."""

from __future__ import annotations

__all__: list[str] = []
