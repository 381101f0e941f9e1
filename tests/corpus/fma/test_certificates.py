"""Downloads over TLS: a connection cut short is told from its end, and an unknown certificate is refused."""

import subprocess
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest

from tests.support.file_site import DATA, NAME, fetch, refusal, starts
from tests.support.fma_site import Reply, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody but itself vouches for, and its key, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key.pem -out cert.pem"
    try:
        subprocess.run([*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"], cwd=folder, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs openssl")
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def test_a_connection_closed_without_the_end_of_tls_is_a_cut(
    certificate: Path, tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with serving(tls=tls) as site:
        site.files[NAME] = DATA
        site.will(NAME, Reply(cut=1_000_000), Reply(cut=500_000, framing="close"))
        fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000, 1_500_000]
    assert len(waits) == 2


def test_a_certificate_without_trust_is_refused_at_once(certificate: Path, tmp_path: Path, waits: list[float]) -> None:
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serving(tls=tls) as site:
        said = refusal(site, tmp_path)
    assert "expected a certificate that this machine trusts, found a fault (self" in said
    assert "REQUESTS_CA_BUNDLE" in said
    assert waits == []
