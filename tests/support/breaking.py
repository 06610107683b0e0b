"""Ways to break what a live Lab stands on, and to mend it again."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import psutil

from .jupyter import JupyterServer

__all__ = ["PLUG", "UNPLUG", "Cable", "NetworkServer", "hold", "kill", "start_again"]

# No device of a headless browser can be unplugged: what the page sees of it is made here, event by event (W3C Media
# Capture, 9.3 and 10.2).
UNPLUG = """(() => {
  const devices = navigator.mediaDevices
  window.smallrtcPlugged = [devices.getUserMedia, devices.enumerateDevices]
  devices.getUserMedia = async () => { throw new DOMException('Requested device not found', 'NotFoundError') }
  devices.enumerateDevices = async () => []
  for (const track of smallrtcSeen.tracks.filter(track => track.readyState === 'live')) {
    track.stop()
    track.dispatchEvent(new Event('ended'))
  }
  devices.dispatchEvent(new Event('devicechange'))
})()"""
PLUG = """(() => {
  [navigator.mediaDevices.getUserMedia, navigator.mediaDevices.enumerateDevices] = window.smallrtcPlugged
  navigator.mediaDevices.dispatchEvent(new Event('devicechange'))
})()"""


def hold(processes: list[psutil.Process], number: signal.Signals) -> None:
    """SIGSTOP or SIGCONT to all of them."""
    for process in processes:
        os.kill(process.pid, number)


def kill(server: JupyterServer) -> None:
    """SIGKILL to the server's process alone, as the out-of-memory killer does."""
    assert server.process is not None
    server.process.kill()
    server.process.wait(5)


def start_again(server: JupyterServer) -> None:
    """The same server on the same port, with the same token."""
    with server.log_file.open("ab") as log:
        server.process = subprocess.Popen(
            server.command(), cwd=server.root, env=server.family.environment({"JUPYTER_TOKEN": server.token}),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    server.wait_ready(time.monotonic() + 60)


class NetworkServer(JupyterServer):
    """A JupyterLab that other computers reach."""

    def command(self) -> list[str]:
        return [word.replace("ip=127.0.0.1", "ip=0.0.0.0") for word in super().command()]


class Cable:
    """A network of two computers: this one, and a namespace in which a browser runs. Needs root."""

    HERE, THERE = "10.213.7.1", "10.213.7.2"

    def __init__(self) -> None:
        name = f"srl{os.getpid()}"
        self.namespace, self.end = name, f"{name}a"
        self.ip(f"netns add {name}")
        self.ip(f"link add {self.end} type veth peer name {name}b netns {name}")
        for place, end, address in (("", self.end, self.HERE), (f"-n {name} ", f"{name}b", self.THERE)):
            self.ip(f"{place}address add {address}/24 dev {end}")
            self.ip(f"{place}link set {end} up")
        self.ip(f"-n {name} link set lo up")

    def ip(self, command: str) -> None:
        subprocess.run(["ip", *command.split()], check=True, timeout=10)

    def cut(self) -> None:
        self.ip(f"link set {self.end} down")

    def mend(self) -> None:
        self.ip(f"link set {self.end} up")

    def close(self) -> None:
        self.ip(f"link delete {self.end}")
        self.ip(f"netns delete {self.namespace}")
