"""What a person's function is called, whether it is the one of before, and whether it can be called as it will be."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from .options import check_keywords

__all__ = ["defaults_of", "identity", "name_of", "require_callable_with"]


def name_of(function: Callable[..., Any]) -> str:
    """The name by which errors and the widget speak of it."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def identity(function: Callable[..., Any]) -> str:
    """Equal for a function and the one that replaces it when its cell runs again.

    That is its name, and for a lambda, which has none, its place in the code.
    """
    name = name_of(function)
    code = getattr(function, "__code__", None)
    if name != "<lambda>" or code is None:
        return name
    return f"{name} {code.co_filename}:{code.co_firstlineno}"


def defaults_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters that need not be given, and what they are then."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not tell
        return {}
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def require_callable_with(function: Callable[..., Any], controls: Mapping[str, Any]) -> None:
    """Raise :class:`TypeError` unless it takes one item and the controls by name; said now, not once a frame."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin that does not tell
        return
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(signature.parameters.values())
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        names = [p.name for p in parameters if p.kind in named]
        check_keywords(controls, names[1:], f"{name_of(function)}(), which gets its controls by name,")
    try:
        signature.bind(None, **controls)
    except TypeError as error:
        raise TypeError(f"{name_of(function)}(frame or chunk, and its controls by name): {error}") from None
