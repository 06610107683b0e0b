"""ICE servers as plain JSON, and without their secrets."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from smallrtc_lab.ice import ice_servers_from_environment, normalise_ice_servers, redact_ice_servers


def test_urls_and_objects_become_the_same_json():
    """URLs, mappings and objects with attributes all end as what RTCPeerConnection takes."""
    assert normalise_ice_servers(["stun:example.org"]) == [{"urls": ["stun:example.org"]}]
    turn = "turn:[2001:db8::1]:3478?transport=tcp"
    expected = [{"urls": [turn], "username": "u", "credential": "c"}]
    assert normalise_ice_servers([{"urls": turn, "username": "u", "credential": "c"}]) == expected
    server = SimpleNamespace(urls=[turn], username="u", credential="c", credentialType="password")
    assert normalise_ice_servers([server]) == expected
    assert json.dumps(normalise_ice_servers([server]))
    assert normalise_ice_servers(None) == normalise_ice_servers([]) == []


@pytest.mark.parametrize(
    "url",
    ["http://x", "stun:", "turn:a b", "stun:a?transport=udp", "turn:a:99999", "turn:a?transport=sctp", ""],
)
def test_a_bad_url_is_named(url):
    """The message says which URL is wrong."""
    with pytest.raises(ValueError) as caught:
        normalise_ice_servers([url])
    assert repr(url) in str(caught.value)


def test_mixing_and_wrong_types_are_type_errors():
    """A list of both kinds, a bare string, and things that are neither are refused with a sentence."""
    with pytest.raises(TypeError, match="mixes"):
        normalise_ice_servers(["stun:a", {"urls": "stun:b"}])
    with pytest.raises(TypeError, match="square brackets"):
        normalise_ice_servers("stun:a")
    for wrong in (3, {"url": "stun:a"}, {"urls": []}, {"urls": [3]}):
        with pytest.raises(TypeError, match="urls"):
            normalise_ice_servers([wrong])


def test_a_log_shows_no_secret():
    """Redaction keeps the URLs and hides user name and credential."""
    servers = normalise_ice_servers([{"urls": "turn:a", "username": "mary", "credential": "hush"}])
    shown = str(redact_ice_servers(servers))
    assert "turn:a" in shown
    assert "mary" not in shown
    assert "hush" not in shown
    assert servers[0]["credential"] == "hush"


def test_a_password_in_a_url_is_refused_and_not_quoted():
    """An ICE URL has no user part; who writes one is told where the password goes, without seeing it again."""
    for servers in (["turn:mary:hush@a:3478"], [{"urls": "turn:mary:hush@a:3478"}]):
        with pytest.raises(ValueError, match="username=") as caught:
            normalise_ice_servers(servers)
        assert "hush" not in str(caught.value)


def test_the_environment_variable_is_a_json_list():
    """Unset and empty mean none; anything but a list of servers is refused without quoting what it holds."""
    name = "SMALLRTC_LAB_ICE_SERVERS"
    assert ice_servers_from_environment({}) == ice_servers_from_environment({name: " "}) == []
    text = '[{"urls": "turn:a", "username": "mary", "credential": "hush"}]'
    expected = [{"urls": ["turn:a"], "username": "mary", "credential": "hush"}]
    assert ice_servers_from_environment({name: text}) == expected
    for wrong in ('{"credential": "hush"}', "hush", '[{"credential": "hush"}]', "[" * 100_000):
        with pytest.raises(ValueError, match=name) as caught:
            ice_servers_from_environment({name: wrong})
        assert "hush" not in str(caught.value)
