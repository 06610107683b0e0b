"""The worse way of the other tests is as bad as it says."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest
from support.impair import Impairment, Way, impaired
from support.namespaces import B, Network

ECHO = f"""
import socket
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("{B}", 5000))
print("here", flush=True)
while True:
    here.sendto(*here.recvfrom(2000))
"""
ASK = f"""
import json, socket, time
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.settimeout(1)
rtts_ms, numbers = [], []
for number in range(200):
    here.sendto(json.dumps([number, time.monotonic()]).encode(), ("{B}", 5000))
    time.sleep(0.002)
try:
    while len(numbers) < 200:
        number, sent_s = json.loads(here.recv(2000))
        numbers.append(number)
        rtts_ms.append((time.monotonic() - sent_s) * 1000)
except TimeoutError:
    pass
print(json.dumps([numbers, min(rtts_ms)]))
"""


@pytest.fixture
def worse(network: Network) -> Iterator[Impairment]:
    """What can be made of the way between the hosts."""
    with contextlib.ExitStack() as stack:
        try:
            impairment = stack.enter_context(impaired(network.router))
        except OSError as error:
            pytest.skip(f"platform: packets cannot be delayed here. {error}")
        yield impairment


@pytest.fixture
def echo(network: Network) -> Iterator[None]:
    """Host b sends back what it gets."""
    program = network.b.popen("-c", ECHO)
    assert program.stdout is not None
    assert program.stdout.readline() == "here\n"
    yield
    program.kill()
    program.communicate()


def asked(network: Network) -> tuple[list[int], float]:
    """Numbers of the datagrams that came back, of 200, and the shortest round trip in milliseconds."""
    numbers, best_ms = json.loads(network.a.popen("-c", ASK).communicate(timeout=60)[0])
    return numbers, best_ms


@pytest.mark.usefixtures("echo")
def test_packets_are_lost_and_late_as_asked_and_keep_their_order(network: Network, worse: Impairment) -> None:
    """A quarter lost each way leaves about 9 of 16; none is back before the round trip; counts say what happened."""
    worse.round_trip(loss=0.25, rtt_ms=80, jitter_ms=20)
    numbers, best_ms = asked(network)
    counts = worse.counts()
    assert numbers == sorted(numbers)
    assert 70 < len(numbers) < 155
    assert best_ms >= 80
    assert counts["ra"]["lost"] + counts["rb"]["lost"] == 200 - len(numbers)


@pytest.mark.usefixtures("echo")
def test_a_slow_line_drops_what_it_cannot_carry_and_nothing_else_does(
    network: Network, worse: Impairment
) -> None:
    """100 kbit into 30 kbit/s do not go; unlimited again, everything comes."""
    worse.become(Way(rate_bps=30_000), Way())
    numbers, _ = asked(network)
    assert 0 < len(numbers) < 200
    assert worse.counts()["ra"]["overflowed"] == 200 - len(numbers)
    worse.become(Way())
    assert asked(network)[0] == list(range(200))
