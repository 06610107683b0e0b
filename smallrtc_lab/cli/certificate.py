"""A certificate of this machine's own, for https without anybody's help: browsers open a camera on nothing less.

Nobody has signed it, so every browser warns once. It is kept and used again as long as it is good for the machine's
names, so that once is enough.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["CertificateFiles", "machine_names", "self_signed"]

_VALID = datetime.timedelta(days=397)  # no browser takes one that is valid for longer than 398
_RENEW = datetime.timedelta(days=14)


@dataclass(frozen=True)
class CertificateFiles:
    """A certificate and its key, as PEM files; without a key file the certificate's file holds both."""

    certificate: Path
    key: Path | None


def machine_names() -> list[str]:
    """What this machine may be called in an address bar: localhost, its names, its addresses."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname(), socket.getfqdn()]
    for adapter in ifaddr.get_adapters():
        names += filter(None, map(_address, adapter.ips))
    return list(dict.fromkeys(name for name in names if name))


def self_signed(directory: Path, names: list[str]) -> CertificateFiles:
    """The certificate in ``directory`` for these names, made anew when there is none that serves.

    Raises :class:`OSError` when the directory cannot be written.
    """
    files = CertificateFiles(directory / "certificate.pem", directory / "key.pem")
    if not _serves(files, names):
        _make(files, names)
    return files


def _address(ip: ifaddr.IP) -> str | None:
    """None for an address that needs a zone (fe80::1%eth0): it fits no certificate and no address bar."""
    if isinstance(ip.ip, str):
        return ip.ip
    return None if ipaddress.ip_address(ip.ip[0]).is_link_local else ip.ip[0]


def _general_names(names: list[str]) -> list[x509.GeneralName]:
    made: list[x509.GeneralName] = []
    for name in names:
        try:
            made.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            made.append(x509.DNSName(name.encode("idna").decode()))
    return made


def _serves(files: CertificateFiles, names: list[str]) -> bool:
    assert files.key is not None
    if not files.certificate.is_file() or not files.key.is_file():
        return False
    try:
        found = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        known = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    good_until = datetime.datetime.now(datetime.UTC) + _RENEW
    return found.not_valid_after_utc > good_until and set(_general_names(names)) <= set(known)


def _make(files: CertificateFiles, names: list[str]) -> None:
    assert files.key is not None
    key = ec.generate_private_key(ec.SECP256R1())
    files.certificate.parent.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files.key.unlink(missing_ok=True)
    with os.fdopen(os.open(files.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    files.certificate.write_bytes(_certificate(key, names).public_bytes(serialization.Encoding.PEM))


def _certificate(key: ec.EllipticCurvePrivateKey, names: list[str]) -> x509.Certificate:
    """Signed by its own key, for a server and nothing else (RFC 5280, section 4.2)."""
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smallrtc-lab demo")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName(_general_names(names)), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # a clock may be slow
        .not_valid_after(now + _VALID - datetime.timedelta(days=1))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())
