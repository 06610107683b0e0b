"""Where kernels find their server."""

from __future__ import annotations

import os
from typing import Any

import pytest

from smallrtc_lab.server.address import ServerAddress


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "http://127.0.0.1:8888/"),
        ({"ip": "localhost"}, "http://localhost:8888/"),
        ({"ip": "0.0.0.0"}, "http://127.0.0.1:8888/"),
        ({"ip": "*"}, "http://127.0.0.1:8888/"),
        ({"ip": ""}, "http://127.0.0.1:8888/"),
        ({"ip": "::"}, "http://[::1]:8888/"),
        ({"ip": "fd00::7"}, "http://[fd00::7]:8888/"),
        ({"ip": "192.0.2.5", "base_url": "/user/a%40b/"}, "http://192.0.2.5:8888/user/a%40b/"),
        ({"secure": True}, "https://127.0.0.1:8888/"),
        ({"unix_socket": "/run/a b.sock", "base_url": "/x/"}, "http+unix://%2Frun%2Fa%20b.sock/x/"),
    ],
)
def test_url_can_be_dialled(fields: dict[str, Any], url: str) -> None:
    """Addresses that are only good to listen on become loopback; https, IPv6 and unix sockets are spelled out."""
    assert ServerAddress(**({"ip": "127.0.0.1", "port": 8888, "base_url": "/"} | fields)).url == url


def test_certificate_is_published_with_https_only() -> None:
    """The certificate's absolute path goes with an https address, and an outer server's does not stay beside http."""
    environment = {"SMALLRTC_LAB_SERVER": "https://outer:1/", "SMALLRTC_LAB_SERVER_CERT": "/outer.pem"}
    plain = ServerAddress(ip="", port=1, base_url="/")
    plain.publish(environment)
    assert environment == {"SMALLRTC_LAB_SERVER": "http://127.0.0.1:1/"}
    secure = ServerAddress(ip="", port=2, base_url="/", secure=True, certificate="own.pem")
    secure.publish(environment)
    assert environment["SMALLRTC_LAB_SERVER_CERT"] == os.path.abspath("own.pem")


def test_withdrawing_leaves_what_another_server_has_set() -> None:
    """A server that stops removes its own address and nobody else's."""
    environment: dict[str, str] = {}
    first = ServerAddress(ip="", port=1, base_url="/")
    second = ServerAddress(ip="", port=2, base_url="/")
    first.publish(environment)
    second.publish(environment)
    first.withdraw(environment)
    assert environment == {"SMALLRTC_LAB_SERVER": "http://127.0.0.1:2/"}
    second.withdraw(environment)
    assert environment == {}
