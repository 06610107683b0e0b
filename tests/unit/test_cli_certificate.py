"""The certificate of this machine's own: good for its names, kept while it serves, its key for nobody else's eyes."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from cryptography import x509

from smallrtc_lab.cli.certificate import machine_names, self_signed

NAMES = ["localhost", "127.0.0.1", "::1", "classroom.example", "192.0.2.7"]


def test_it_is_made_for_every_name_and_used_again(tmp_path: Path) -> None:
    """The certificate holds all names and addresses, TLS takes it, and the next start uses the same one."""
    files = self_signed(tmp_path / "kept", NAMES)
    assert files.key is not None
    made = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    known = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in known} == set(NAMES)
    assert made.not_valid_after_utc.year - made.not_valid_before_utc.year <= 2
    assert stat.S_IMODE(files.key.stat().st_mode) == 0o600
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(files.certificate, files.key)
    before = files.certificate.read_bytes()
    assert self_signed(tmp_path / "kept", NAMES[:2]).certificate.read_bytes() == before


def test_a_new_name_or_a_broken_file_makes_a_new_one(tmp_path: Path) -> None:
    """A machine that moved to another network, or a damaged file, gets another certificate."""
    files = self_signed(tmp_path, NAMES[:2])
    first = files.certificate.read_bytes()
    second = self_signed(tmp_path, NAMES).certificate.read_bytes()
    assert second != first
    files.certificate.write_text("no certificate")
    assert self_signed(tmp_path, NAMES).certificate.read_bytes().startswith(b"-----BEGIN CERTIFICATE")


def test_this_machine_knows_its_names() -> None:
    """localhost and the loopback addresses are always among them, none twice, none that needs a zone."""
    names = machine_names()
    assert {"localhost", "127.0.0.1", "::1"} <= set(names)
    assert len(names) == len(set(names))
    assert not any(name.startswith("fe80") for name in names)
