"""The page of a served bot: who gets it, what it may do, what it is made of."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

TOKEN = "token-that-nobody-may-see"


def root(server: Any) -> str:
    return f"http://127.0.0.1:{server.app.port}"


async def test_a_stranger_is_sent_to_the_login_page(server: Any) -> None:
    """Without a login the page is Jupyter's login page; the files of the page are refused."""
    reply = await server.http.get(f"{server.url}client/?session=echo")
    assert reply.status_code == 302
    assert "/login?next=" in reply.headers["Location"]
    assert "session%3Decho" in reply.headers["Location"]
    assert (await server.http.get(f"{server.url}client/page.js")).status_code == 403


async def test_a_token_in_the_address_is_a_login(server: Any) -> None:
    """The page's address with `?token=` sets the cookies that its files and requests need, and is stored nowhere."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as browser:
        reply = await browser.get(f"{server.url}client/", params={"token": TOKEN})
        assert reply.status_code == 200
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert TOKEN not in reply.text
        assert f'data-base-url="{server.app.base_url}"' in reply.text
        assert 'data-relays=""' in reply.text
        for name, kind in (
            ("page.js", "text/javascript"),
            ("page.css", "text/css"),
            ("page.svg", "image/svg+xml"),
        ):
            file = await browser.get(f"{server.url}client/{name}")
            assert (file.status_code, file.headers["Content-Type"].partition(";")[0]) == (200, kind)
        asked = await browser.post(
            f"{server.url}start", json={}, headers={"X-XSRFToken": browser.cookies["_xsrf"]}
        )
        assert (asked.status_code, asked.json()["reason"]) == (503, "nothing-served")


async def test_a_place_behind_a_proxy_is_told_to_the_page(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a hub's is: there the page does not wait for WebRTC before media goes through the server."""
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/somebody/")
    assert 'data-relays="true"' in (await server.ask("GET", "client/")).text


async def test_the_page_runs_its_own_files_only(server: Any) -> None:
    """The policy lets no other origin and no script of the page's text run, and the page has none."""
    reply = await server.ask("GET", "client/")
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self' blob:;" in policy  # AudioWorklets, which a page can make by script alone
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert "<script>" not in reply.text
    assert " style=" not in reply.text
    assert "//" not in reply.text.replace("<!doctype html>", "")


async def test_files_are_asked_for_again_and_sent_once(server: Any) -> None:
    """A browser that has a file of this version is told so; nothing else of the directory is handed out."""
    first = await server.ask("GET", "client/page.js")
    again = await server.http.get(
        f"{server.url}client/page.js", headers=server.headers | {"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    for name in ("widget.js", "page.html", "bundle.sha256", "..%2F__init__.py"):
        assert (await server.ask("GET", f"client/{name}")).status_code == 404


async def test_at_the_root_only_when_asked_for(server: Any, start_server: Any) -> None:
    """`at_root` puts the page where clients of a standalone runner look for it."""
    assert (await server.http.get(f"{root(server)}/client/", headers=server.headers)).status_code == 404
    other = await start_server("--SmallRTCLab.at_root=True")
    reply = await other.http.get(f"{root(other)}/client/", headers=other.headers)
    assert reply.status_code == 200
    assert 'src="page.js"' in reply.text
    assert (await other.http.get(f"{root(other)}/client/page.css", headers=other.headers)).status_code == 200
