"""Settings, their defaults and their help."""

from __future__ import annotations

from dataclasses import fields

import pytest
from traitlets import TraitError
from traitlets.config import Config

from smallrtc_lab.server.app import SmallRTCLab
from smallrtc_lab.server.config import Settings
from smallrtc_lab.server.limits import Limits

TURN = {"urls": ["turn:turn.example:3478"], "username": "u", "credential": "c"}


def test_every_limit_is_a_setting_with_its_default_and_a_help_text() -> None:
    """Nothing in `Limits` is out of a configuration file's reach, and unset settings are the defaults."""
    for field in fields(Limits):
        trait = Settings.class_traits()[field.name]
        assert trait.metadata["config"] is True
        assert len(trait.help) > 20
    assert Settings().limits() == Limits()


def test_configuration_files_reach_them() -> None:
    """`c.SmallRTCLab.x` sets a limit of the extension."""
    config = Config()
    config.SmallRTCLab.max_sessions = 3
    config.SmallRTCLab.ice_servers = ["stun:stun.example"]
    app = SmallRTCLab(config=config)
    assert app.limits().max_sessions == 3
    assert app.ice_servers == [{"urls": ["stun:stun.example"]}]


@pytest.mark.parametrize("field", ["max_sessions", "max_body_bytes", "engine_wait_s", "max_frame_rate"])
def test_a_limit_of_nothing_is_refused(field: str) -> None:
    """Zero and less would close the extension by mistake."""
    with pytest.raises(TraitError):
        Settings(**{field: 0})


def test_ice_servers_come_from_the_environment_when_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable holds JSON in either form; a setting goes before it."""
    monkeypatch.setenv(
        "SMALLRTC_LAB_ICE_SERVERS", '[{"urls": "turn:turn.example:3478", "username": "u", "credential": "c"}]'
    )
    assert Settings().ice_servers == [TURN]
    assert Settings(ice_servers=["stun:a.example"]).ice_servers == [{"urls": ["stun:a.example"]}]


@pytest.mark.parametrize(
    "text",
    ['["stun:a.example', '{"credential": "secret"}', '"secret"', '["turn:u:secret@a.example"]'],
)
def test_a_wrong_variable_is_refused_without_being_quoted(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """The sentence names the variable and not its value, which may hold a credential."""
    monkeypatch.setenv("SMALLRTC_LAB_ICE_SERVERS", text)
    with pytest.raises(TraitError, match="SMALLRTC_LAB_ICE_SERVERS") as refused:
        assert Settings().ice_servers
    assert "secret" not in str(refused.value)


def test_a_server_that_is_none_is_refused() -> None:
    """A mistyped URL is a configuration error at the start, not a silent failure later."""
    with pytest.raises(TraitError, match="ICE server"):
        Settings(ice_servers=["http://stun.example"])


def test_the_engine_is_told_what_it_clips_to() -> None:
    """The `limits` of `welcome` are those of the contract."""
    told = Limits(max_width=640).for_engine()
    assert told["max_width"] == 640
    assert set(told) == {
        "max_width",
        "max_height",
        "max_frame_rate",
        "max_bitrate_bps",
        "max_connections",
        "max_message_bytes",
        "max_link_message_bytes",
    }


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("turn_credentials_url", "ftp://hush.example"),
        ("turn_credentials_url", "https://mary:hush@turn.example"),
        ("turn_credentials", "hush"),
    ],
)
def test_a_source_that_can_be_none_is_refused_without_being_quoted(setting: str, value: str) -> None:
    """An address of another kind, one with a password in it, and something that cannot be called."""
    with pytest.raises(TraitError) as refused:
        Settings(**{setting: value})
    assert "hush" not in str(refused.value)


def test_sources_come_from_the_environment_when_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret and an address in variables; a wrong address there is refused as well."""
    monkeypatch.setenv("SMALLRTC_LAB_TURN_SECRET", " hush ")
    monkeypatch.setenv("SMALLRTC_LAB_TURN_CREDENTIALS_URL", "https://turn.example/x")
    settings = Settings()
    assert (settings.turn_secret, settings.turn_credentials_url) == ("hush", "https://turn.example/x")
    assert Settings(turn_secret="other").turn_secret == "other"
    monkeypatch.setenv("SMALLRTC_LAB_TURN_CREDENTIALS_URL", "turn.example")
    with pytest.raises(TraitError, match="https"):
        _ = Settings().turn_credentials_url
