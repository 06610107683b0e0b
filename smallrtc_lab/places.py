"""What kind of place a kernel runs at, as far as documented environment variables and files tell, and what that means.

============== =========================================================================================
place          told by
============== =========================================================================================
Colab          ``COLAB_RELEASE_TAG``, ``COLAB_GPU``
Codespaces     ``CODESPACES`` (default environment variables of a codespace)
Binder         ``BINDER_LAUNCH_HOST``, ``BINDER_REPO_URL``, ``BINDER_REQUEST`` (set by BinderHub)
kernel gateway ``KERNEL_GATEWAY`` (set by it)
SageMaker      ``/opt/ml/metadata/resource-metadata.json``
JupyterHub     ``JUPYTERHUB_API_URL``, ``JUPYTERHUB_SERVICE_PREFIX`` (set by its spawners)
VS Code        ``VSCODE_PID``, ``VSCODE_CWD`` (in kernels that its notebooks start)
Kubernetes     ``KUBERNETES_SERVICE_HOST``
Docker         ``/.dockerenv``, or ``/run/.containerenv`` (Podman)
WSL 2          ``WSL_DISTRO_NAME``
ssh            ``SSH_CONNECTION`` (of the shell that started Jupyter)
============== =========================================================================================

It is a guess that only chooses words: whether media get through is tried, never taken from here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["Place", "PlaceKind", "find_place"]

SAGEMAKER_FILE = "/opt/ml/metadata/resource-metadata.json"
CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")


class PlaceKind(Enum):
    """The places that are told apart."""

    LOCAL = "local"
    SSH = "ssh"
    WSL = "wsl"
    DOCKER = "docker"
    KUBERNETES = "kubernetes"
    VSCODE = "vscode"
    GATEWAY = "gateway"
    HUB = "hub"
    SAGEMAKER = "sagemaker"
    BINDER = "binder"
    CODESPACES = "codespaces"
    COLAB = "colab"


@dataclass(frozen=True)
class Place:
    """``name`` for a table, ``sentence`` for a person; ``lets_udp_in``: whether a browser's UDP usually gets there."""

    kind: PlaceKind
    name: str
    sentence: str
    lets_udp_in: bool

    @property
    def relays_at_once(self) -> bool:
        """Whether media go through Jupyter from the first moment, for nothing but a proxy leads to such a place.

        WebRTC is tried besides, and takes over where it comes through.
        """
        return self.kind in _BEHIND_A_PROXY

    @property
    def most_bps(self) -> int | None:
        """What one session may take there in each direction, in bits a second; None: as much as the way carries.

        On mybinder.org what leaves a pod for the internet is shaped to 1 Mbit/s, and everybody shares one small proxy.
        """
        return _MOST_BPS.get(self.kind)


_MOST_BPS = {PlaceKind.BINDER: 1_000_000}
_BEHIND_A_PROXY = frozenset(
    {PlaceKind.BINDER, PlaceKind.HUB, PlaceKind.SAGEMAKER, PlaceKind.KUBERNETES, PlaceKind.CODESPACES}
)
_FORWARDED = "Forward port 3478 as well as the Jupyter port and run smallrtc-lab turn there."
_PLACES = {
    place.kind: place
    for place in (
        Place(PlaceKind.LOCAL, "this computer, or its own network", "Media go directly.", True),
        Place(
            PlaceKind.SSH,
            "a computer reached by ssh",
            f"Only forwarded TCP ports reach it. {_FORWARDED}",
            False,
        ),
        Place(
            PlaceKind.WSL,
            "WSL 2",
            "Windows can't pass UDP to localhost here; media use the address of WSL.",
            True,
        ),
        Place(
            PlaceKind.DOCKER,
            "a container",
            "Your kernel is inside a container. Publish port 3478 (docker run -p 127.0.0.1:3478:3478 …) and run "
            "smallrtc-lab turn in it.",
            False,
        ),
        Place(
            PlaceKind.KUBERNETES,
            "a Kubernetes pod",
            "No UDP comes into the pod. Use a TURN server, or kubectl port-forward 3478 and smallrtc-lab turn.",
            False,
        ),
        Place(
            PlaceKind.VSCODE,
            "VS Code's notebook editor",
            "VS Code blocks the camera in its notebooks. Open the notebook in a browser: run jupyter lab there.",
            False,
        ),
        Place(
            PlaceKind.GATEWAY,
            "a kernel gateway",
            "The kernel's machine must be reached by UDP, or through a TURN server.",
            False,
        ),
        Place(
            PlaceKind.HUB,
            "JupyterHub",
            "Your hub lets no UDP in. A TURN server that both sides reach is needed for direct media.",
            False,
        ),
        Place(
            PlaceKind.SAGEMAKER,
            "SageMaker",
            "SageMaker lets no UDP in. A TURN server that both sides reach is needed for direct media.",
            False,
        ),
        Place(
            PlaceKind.BINDER,
            "Binder",
            "Binder lets no UDP in or out. A TURN server on TCP port 443 is needed for direct media.",
            False,
        ),
        Place(PlaceKind.CODESPACES, "a codespace", f"Only forwarded TCP ports reach it. {_FORWARDED}", False),
        Place(
            PlaceKind.COLAB,
            "Google Colab",
            "Colab lets no connection in. A TURN server is needed for live video.",
            False,
        ),
    )
}


def find_place(
    environment: Mapping[str, str] | None = None, exists: Callable[[str], bool] = os.path.exists
) -> Place:
    """Where this process runs. The outermost place counts: a container of a hub is the hub's."""
    known = os.environ if environment is None else environment

    def has(*names: str) -> bool:
        return any(known.get(name) for name in names)

    signs = {
        PlaceKind.COLAB: has("COLAB_RELEASE_TAG", "COLAB_GPU"),
        PlaceKind.CODESPACES: has("CODESPACES"),
        PlaceKind.BINDER: has("BINDER_LAUNCH_HOST", "BINDER_REPO_URL", "BINDER_REQUEST"),
        PlaceKind.GATEWAY: has("KERNEL_GATEWAY"),
        PlaceKind.SAGEMAKER: exists(SAGEMAKER_FILE),
        PlaceKind.HUB: has("JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_PREFIX"),
        PlaceKind.VSCODE: has("VSCODE_PID", "VSCODE_CWD") and not has("SMALLRTC_LAB_SERVER"),
        PlaceKind.KUBERNETES: has("KUBERNETES_SERVICE_HOST"),
        PlaceKind.DOCKER: any(exists(file) for file in CONTAINER_FILES),
        PlaceKind.WSL: has("WSL_DISTRO_NAME"),
        PlaceKind.SSH: has("SSH_CONNECTION"),
    }
    return _PLACES[next((kind for kind, here in signs.items() if here), PlaceKind.LOCAL)]
