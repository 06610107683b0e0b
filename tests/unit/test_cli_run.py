"""The command `smallrtc-lab run`: its options, and what it says when it cannot start."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from smallrtc_lab.cli import main, parser
from smallrtc_lab.cli.run import ice_servers, invitation, problem_with, server_options

BOT = "async def bot(runner_args): pass"


@pytest.fixture
def bot(tmp_path: Path) -> str:
    """A file with a bot."""
    file = tmp_path / "bot.py"
    file.write_text(BOT)
    return str(file)


def options(bot: str, *words: str) -> dict[str, str]:
    """What the Jupyter server inside would be told."""
    arguments = parser().parse_args(["run", bot, *words])
    arguments.certificate = None
    given = (option.removeprefix("--").partition("=") for option in server_options(arguments))
    return {name: value for name, _, value in given}


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that cannot start prints; it ends with 1."""
    assert main(["run", *words]) == 1
    return capsys.readouterr().out


def test_only_this_machine_unless_told_otherwise(bot: str) -> None:
    """It listens on localhost, with a new token every time, and no port but the one that is asked for."""
    first, second = options(bot), options(bot)
    assert (first["ServerApp.ip"], first["ServerApp.port"]) == ("localhost", "7860")
    assert first["ServerApp.port_retries"] == "0"
    assert len(first["IdentityProvider.token"]) >= 32
    assert first["IdentityProvider.token"] != second["IdentityProvider.token"]
    assert "ServerApp.allow_origin" not in first
    assert first["BotRunner.mode"] == "multiple"


def test_options_reach_the_server(bot: str) -> None:
    """Host, port, token, mode, limits, origin and the address for microcontrollers."""
    found = options(
        bot, "--host", "192.0.2.7", "--port", "81", "--token", "t", "--single", "--max-connections", "2",
        "--allow-origin", "https://a.example", "--esp32", "--reload", "--no-browser",
    )  # fmt: skip
    expected = {
        "ServerApp.ip": "192.0.2.7",
        "ServerApp.port": "81",
        "IdentityProvider.token": "t",
        "BotRunner.mode": "single",
        "BotRunner.max_connections": "2",
        "ServerApp.allow_origin": "https://a.example",
        "BotRunner.esp32_host": "192.0.2.7",
        "BotRunner.reload": "True",
        "ServerApp.open_browser": "False",
        "BotRunner.bot_file": bot,
    }
    assert expected.items() <= found.items()


def test_ice_servers_are_urls_or_objects(bot: str) -> None:
    """Both may be mixed; what reaches the server is one JSON list."""
    turn = {"urls": ["turn:t.example:3478"], "username": "u", "credential": "c"}
    words = ("--ice-servers", "stun:s.example", json.dumps(turn))
    assert json.loads(options(bot, *words)["BotRunner.ice_servers"]) == [{"urls": ["stun:s.example"]}, turn]


@pytest.mark.parametrize(
    ("text", "part"), [("http://s.example", "http"), ('{"urls": "turn:t", "credential": secret}', "no JSON")]
)
def test_what_is_no_ice_server_is_said_without_its_password(text: str, part: str) -> None:
    """The error names the mistake and quotes no credential."""
    with pytest.raises(ValueError, match=part) as error:
        ice_servers([text])
    assert "secret" not in str(error.value)


def test_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is a sentence."""
    assert said(capsys, "nowhere.py") == "There is no file nowhere.py.\n"


def test_esp32_needs_an_address(bot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A microcontroller cannot use an answer for localhost."""
    for host in ((), ("--host", "localhost"), ("--host", "0.0.0.0")):
        assert "--esp32 needs --host" in said(capsys, bot, "--esp32", *host)


def test_nobody_at_once_makes_no_sense(bot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The number of clients is at least one."""
    assert "at least 1" in said(capsys, bot, "--max-connections", "0")


def test_a_wrong_ice_server(bot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said before anything is started."""
    assert said(capsys, bot, "--ice-servers", "http://s.example").startswith("This cannot be served: ")


def test_a_missing_certificate(bot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A certificate's file that is not there is a sentence."""
    assert "none.pem" in said(capsys, bot, "--certfile", "none.pem")


def test_a_port_that_is_taken(bot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so and what to do; another program's port is not passed over silently, for clients know the port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        text = said(capsys, bot, "--port", port, "--no-browser")
    assert text == f"Port {port} is taken by another program: choose another one with --port.\n"


def test_an_address_of_another_machine(bot: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Only an address of this machine can be listened on."""
    assert "192.0.2.7 is no address of this machine" in said(capsys, bot, "--host", "192.0.2.7")


def test_reload_without_its_library(bot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names what to install."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    text = problem_with(parser().parse_args(["run", bot, "--reload"]))
    assert text is not None
    assert 'pip install "smallrtc-lab[reload]"' in text


def test_the_invitation_has_the_page_and_the_way_for_programs(bot: str) -> None:
    """Whoever reads it knows the page's address with its token, and how a program asks."""
    arguments = parser().parse_args(["run", bot, "--token", "t", "--host", "::"])
    arguments.certificate = object()
    text = invitation(arguments, 81)
    assert "https://localhost:81/client/?token=t" in text
    assert "Authorization: token t" in text


def test_help_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    """The options are in groups, each with a word on it."""
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = capsys.readouterr().out
    for words in (
        "while you write the bot:",
        "who may come:",
        "network:",
        "--self-signed",
        "echo_bot.py --reload",
    ):
        assert words in text
