"""TLS, with a certificate that is named in the settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.s3.server import Server


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """(certificate, key) for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_path, key_path


def test_objects_travel_over_tls(new_server: Callable[..., Server], certificate: tuple[Path, Path]) -> None:
    cert, key = map(str, certificate)
    server = new_server(SLUICEGATE_TLS_CERT=cert, SLUICEGATE_TLS_KEY=key)
    endpoint = f"https://127.0.0.1:{server.port}"
    s3 = server.client(endpoint_url=endpoint, verify=cert)
    s3.create_bucket(Bucket="secret")
    for size in (100, 5_000_000):
        s3.put_object(Bucket="secret", Key="k", Body=b"x" * size)
        assert len(s3.get_object(Bucket="secret", Key="k")["Body"].read()) == size
    with pytest.raises(SSLError):
        server.client(endpoint_url=endpoint).list_buckets()
