"""Finds ``async def bot(runner_args)`` in a file; what is wrong with the file is said in its own terms."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path

from smallrtc_lab.errors import BotFileError

from .arguments import Bot

__all__ = ["bot_of", "load_bot"]

_MODULE = "smallrtc_bot"


def load_bot(path: Path) -> Bot:
    """Run the file, as the module of its own name, and return its ``bot``; raises :class:`BotFileError`.

    Its directory comes first on the module path, as for a script.
    """
    if not path.is_file():
        raise BotFileError(f"there is no file {path}")
    directory = str(path.resolve().parent)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise BotFileError(f"{path} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module  # dataclasses and pickles in the file look themselves up by name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - border: a person's file, and they are shown where
        del sys.modules[_MODULE]
        raise BotFileError(f"{path.name} could not be loaded:\n{_own_lines(error, path)}") from None
    return bot_of(getattr(module, "bot", None), path.name)


def bot_of(function: object, where: str) -> Bot:
    """``function`` when it can be a bot: async, called with one argument; else :class:`BotFileError`."""
    if function is None:
        raise BotFileError(f"{where} has no `async def bot(runner_args)`")
    if not callable(function):
        raise BotFileError(
            f"`bot` in {where} is a {type(function).__name__}, not `async def bot(runner_args)`"
        )
    if not _is_async(function):
        raise BotFileError(f"`bot` in {where} must be async: write `async def bot(runner_args)`")
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise BotFileError(f"`bot` in {where} must take one argument: `async def bot(runner_args)`") from None
    return function


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__ is a bot too
    )


def _own_lines(error: BaseException, path: Path) -> str:
    """The traceback from the file's own first line on: how it was loaded helps nobody."""
    entries = traceback.TracebackException.from_exception(error)
    own = [index for index, frame in enumerate(entries.stack) if Path(frame.filename) == path]
    del entries.stack[: own[0] if own else len(entries.stack)]
    return "".join(entries.format()).rstrip()
