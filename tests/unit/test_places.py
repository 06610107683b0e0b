"""Which place this is, by the signs that each place documents."""

from __future__ import annotations

import pytest

from smallrtc_lab.places import CONTAINER_FILES, SAGEMAKER_FILE, PlaceKind, find_place

SIGNS = [
    (PlaceKind.LOCAL, {}, ()),
    (PlaceKind.LOCAL, {"CODESPACES": "", "HOME": "/root"}, ()),
    (PlaceKind.SSH, {"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}, ()),
    (PlaceKind.WSL, {"WSL_DISTRO_NAME": "Debian"}, ()),
    (PlaceKind.DOCKER, {}, CONTAINER_FILES[:1]),
    (PlaceKind.DOCKER, {"SSH_CONNECTION": "a b c d"}, CONTAINER_FILES[1:]),
    (PlaceKind.KUBERNETES, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, CONTAINER_FILES),
    (PlaceKind.VSCODE, {"VSCODE_PID": "12"}, ()),
    (PlaceKind.LOCAL, {"VSCODE_PID": "12", "SMALLRTC_LAB_SERVER": "http://127.0.0.1:8888/"}, ()),
    (PlaceKind.GATEWAY, {"KERNEL_GATEWAY": "1", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ()),
    (PlaceKind.HUB, {"JUPYTERHUB_API_URL": "http://hub:8081", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ()),
    (PlaceKind.SAGEMAKER, {}, (SAGEMAKER_FILE, *CONTAINER_FILES)),
    (PlaceKind.BINDER, {"BINDER_REPO_URL": "x", "JUPYTERHUB_API_URL": "http://hub:8081"}, ()),
    (PlaceKind.CODESPACES, {"CODESPACES": "true", "VSCODE_CWD": "/"}, CONTAINER_FILES),
    (PlaceKind.COLAB, {"COLAB_RELEASE_TAG": "release"}, CONTAINER_FILES),
]


@pytest.mark.parametrize(("kind", "environment", "files"), SIGNS)
def test_each_place_is_known_by_its_signs(
    kind: PlaceKind, environment: dict[str, str], files: tuple[str, ...]
) -> None:
    """The outermost one counts, and an empty variable is none."""
    place = find_place(environment, files.__contains__)
    assert place.kind is kind
    assert place.name
    assert place.sentence.endswith(".")


def test_where_only_a_proxy_leads_media_is_relayed_at_once() -> None:
    """Binder and hubs are not given a second in which WebRTC alone is tried; a computer of one's own is."""
    binder, hub, own = (
        find_place(variables, ().__contains__)
        for variables in ({"BINDER_REQUEST": "v2/gh/x"}, {"JUPYTERHUB_API_URL": "http://hub:8081"}, {})
    )
    assert (binder.relays_at_once, hub.relays_at_once, own.relays_at_once) == (True, True, False)


def test_every_place_can_be_found() -> None:
    """No place is described that nothing leads to."""
    assert {kind for kind, _, _ in SIGNS} == set(PlaceKind)
