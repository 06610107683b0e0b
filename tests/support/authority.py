"""A certificate authority of a test's own, and a server's certificate that it signed."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["TestAuthority", "make_authority"]


@dataclass(frozen=True)
class TestAuthority:
    """Files in PEM: `ca` is who signed, `certificate` and `key` are the server's."""

    __test__ = False

    ca: Path
    certificate: Path
    key: Path


def make_authority(directory: Path, *addresses: str) -> TestAuthority:
    """An authority, and a server certificate for these IP addresses, in files of `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority for tests")])
    basic = x509.BasicConstraints(ca=True, path_length=0)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = (
        _begun(name, authority_key).issuer_name(name).add_extension(basic, True).add_extension(usage, True)
    ).sign(authority_key, hashes.SHA256())
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    server = (
        _begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")]), server_key)
        .issuer_name(name)
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(identifier, False)
    ).sign(authority_key, hashes.SHA256())
    made = TestAuthority(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    made.ca.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made


def _begun(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    hour = datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - hour)
        .not_valid_after(now + 24 * hour)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
