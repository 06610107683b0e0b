"""Finding a bot in a file, and saying what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from smallrtc_lab.bots.arguments import RunnerArguments
from smallrtc_lab.bots.loading import bot_of, load_bot
from smallrtc_lab.errors import BotFileError


def write(directory: Path, text: str) -> Path:
    path = directory / "my_bot.py"
    path.write_text(text)
    return path


async def test_a_bot_is_loaded_and_runs(tmp_path: Path) -> None:
    """The file may import what lies beside it, and define dataclasses."""
    (tmp_path / "beside_the_bot.py").write_text("ANSWER = 42")
    bot = load_bot(
        write(
            tmp_path,
            "from dataclasses import dataclass\nimport beside_the_bot\n@dataclass\nclass Kept:\n    n: int\n"
            "async def bot(runner_args):\n    return Kept(beside_the_bot.ANSWER + runner_args.body)\n",
        )
    )
    kept = await bot(RunnerArguments(None, 1))
    assert kept.n == 43  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1", "has no `async def bot"),
        ("bot = 1", "is a int"),
        ("def bot(runner_args): pass", "must be async"),
        ("async def bot(): pass", "must take one argument"),
        ("async def bot(a, b): pass", "must take one argument"),
        ("def bot(:", "SyntaxError"),
        ("import no_such_module_here", "No module named 'no_such_module_here'"),
        ("def f():\n    return 1 / 0\nf()", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_broken_file_says_what_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    """One error names the file and the mistake, and shows no line of this package."""
    with pytest.raises(BotFileError, match=r"my_bot\.py") as raised:
        load_bot(write(tmp_path, text))
    message = str(raised.value)
    assert sentence in message
    assert "loading.py" not in message
    assert "importlib" not in message


def test_no_file_and_no_python(tmp_path: Path) -> None:
    """A missing file and one of another kind are named."""
    with pytest.raises(BotFileError, match="no file"):
        load_bot(tmp_path / "nowhere.py")
    other = tmp_path / "bot.txt"
    other.write_text("async def bot(runner_args): pass")
    with pytest.raises(BotFileError, match=r"end in \.py"):
        load_bot(other)


def test_an_object_with_an_async_call_is_a_bot() -> None:
    """Anything that is awaited when called with one argument will do."""

    class Echo:
        async def __call__(self, runner_args: RunnerArguments) -> None:
            return None

    echo = Echo()
    assert bot_of(echo, "a cell") is echo
