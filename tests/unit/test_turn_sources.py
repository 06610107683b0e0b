"""Sources of credentials, asked over real HTTP: what each sends, what it says when it fails, and what it never says."""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from smallrtc_lab import turn
from smallrtc_lab.turn import CredentialsError, sources

TURN = {
    "urls": ["turn:turn.example:53", "turn:turn.example:3478?transport=udp"],
    "username": "u",
    "credential": "c",
}


class Service:
    """An HTTP server that remembers what it was asked and answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        self.answer: bytes = json.dumps({"iceServers": [TURN]}).encode()
        self.headers: dict[str, str] = {}
        self.delay_s = 0.0
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = {
                    "method": self.command,
                    "path": self.path,
                    "body": body.decode(),
                    **dict(self.headers),
                }
                service.asked.append(asked)
                self.send_response(service.status)
                for name, value in service.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                half = len(service.answer) // 2
                for part in (service.answer[:half], service.answer[half:]):
                    self.wfile.write(part)
                    self.wfile.flush()
                    time.sleep(service.delay_s)

            do_POST = do_GET

            def log_message(self, *given: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("no_proxy", "*")
    running = Service()
    thread = threading.Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def test_a_shared_secret_makes_what_coturn_checks() -> None:
    """The user is the end and a name, the password base64(HMAC-SHA1(secret, user)), as OpenSSL has it."""
    assert (
        sources.secret_credential("north", "mary", 1_433_895_918)
        == (
            "1433895918:mary",
            "1JyzLQfBQb7sGpVuOyOmucY5UQA=",  # printf 1433895918:mary | openssl dgst -sha1 -hmac north -binary | base64
        )
    )
    made = turn.shared_secret(
        ["turn:a.example", "turns:a.example:443?transport=tcp"], "north", user="x", life_s=60
    )()
    (server,) = made.ice_servers
    end_s, _, user = server["username"].partition(":")
    assert (user, len(server["urls"])) == ("x", 2)
    assert 50 < int(end_s) - time.time() < 61
    assert int(end_s) == made.expires_at_s


def test_any_url_is_asked_and_its_answer_read(service: Service) -> None:
    """GET with headers, or POST with JSON; a life that the answer does not tell is the one given."""
    got = turn.from_url(f"{service.url}/turn?key=k", headers={"Authorization": "Bearer t"}, life_s=100)()
    assert got.ice_servers == [TURN]
    assert 95 < got.expires_at_s - time.time() < 101
    turn.from_url(service.url, json_body={"ttl": 5})()
    get, post = service.asked
    assert (get["method"], get["path"], get["Authorization"]) == ("GET", "/turn?key=k", "Bearer t")
    assert (post["method"], post["body"], post["Content-Type"]) == ("POST", '{"ttl": 5}', "application/json")


def test_cloudflare_is_asked_as_documented_and_port_53_left_out(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key in the path, the token as bearer, the ttl as JSON; browsers block port 53."""
    monkeypatch.setattr(
        sources, "_CLOUDFLARE", service.url + "/v1/turn/keys/{}/credentials/generate-ice-servers"
    )
    service.status = 201
    got = turn.cloudflare("key", "token-hush", life_s=600)()
    (asked,) = service.asked
    assert (asked["method"], asked["path"]) == ("POST", "/v1/turn/keys/key/credentials/generate-ice-servers")
    assert (asked["Authorization"], asked["body"]) == ("Bearer token-hush", '{"ttl": 600}')
    assert [server["urls"] for server in got.ice_servers] == [["turn:turn.example:3478?transport=udp"]]


def test_twilio_is_asked_as_documented(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form with the ttl, and the account's name and token as basic authentication."""
    monkeypatch.setattr(sources, "_TWILIO", service.url + "/2010-04-01/Accounts/{}/Tokens.json")
    server = {**TURN, "url": TURN["urls"][1], "urls": TURN["urls"][1]}
    service.answer = json.dumps(
        {"ice_servers": [server], "ttl": "300", "username": "u", "password": "c"}
    ).encode()
    got = turn.twilio("AC1", "hush", life_s=300)()
    (asked,) = service.asked
    assert (asked["method"], asked["path"]) == ("POST", "/2010-04-01/Accounts/AC1/Tokens.json")
    assert (asked["body"], asked["Authorization"]) == ("Ttl=300", "Basic QUMxOmh1c2g=")
    assert got.ice_servers[0]["urls"] == [TURN["urls"][1]]
    assert got.expires_at_s - time.time() < 301


@pytest.mark.parametrize(
    ("status", "answer", "headers", "sentence"),
    [
        (401, b"{}", {}, "answered 401 Unauthorized"),
        (302, b"", {"Location": "/elsewhere"}, "answered 302 Found"),
        (200, b"<html>hush", {}, "no JSON"),
        (200, b"[" + b" " * 300_000 + b"]", {}, "more than"),
    ],
)
def test_what_went_wrong_is_said_and_no_secret_with_it(
    service: Service, status: int, answer: bytes, headers: dict[str, str], sentence: str
) -> None:
    """The host is named, but neither path nor query nor headers, and a redirect is not followed."""
    service.status, service.answer, service.headers = status, answer, headers
    source = turn.from_url(f"{service.url}/hush?key=hush", headers={"X-Key": "hush"})
    with pytest.raises(CredentialsError, match=sentence) as caught:
        source()
    assert service.url in str(caught.value)
    assert "hush" not in str(caught.value) + repr(source)
    assert len(service.asked) == 1


def test_a_slow_or_absent_service_is_given_up(service: Service) -> None:
    """One that sends a part and then nothing in time, and one that is not there."""
    service.delay_s = 1.0
    with pytest.raises(CredentialsError, match="no answer in time"):
        turn.from_url(service.url, timeout_s=0.2)()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(CredentialsError, match=rf"http://127.0.0.1:{port} cannot be reached"):
            turn.from_url(f"http://127.0.0.1:{port}/x")()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: turn.from_url("ftp://hush.example"), "begins with https"),
        (lambda: turn.from_url("https://mary:hush@turn.example"), "as a header"),
        (lambda: turn.shared_secret("stun:a.example", "hush"), "for TURN servers"),
        (lambda: turn.shared_secret([], "hush"), "for TURN servers"),
        (lambda: turn.shared_secret("turn:a.example", ""), "empty"),
        (lambda: turn.shared_secret("turn:a.example", "hush", life_s=0), "above 0"),
    ],
)
def test_what_cannot_be_is_refused_at_once(make: Any, sentence: str) -> None:
    """With a sentence that quotes no secret."""
    with pytest.raises(ValueError, match=sentence) as caught:
        make()
    assert "hush" not in str(caught.value)


def test_no_representation_has_a_secret() -> None:
    """Sources can be printed, and are, in a cell that ends with one."""
    shown = repr(
        [
            turn.shared_secret("turn:a.example", "hush"),
            turn.from_url("https://a.example/hush", headers={"a": "hush"}, json_body="hush"),
            turn.cloudflare("hush", "hush"),
            turn.twilio("hush", "hush"),
        ]
    )
    assert re.search("turn:a.example", shown)
    assert "hush" not in shown
