"""A certificate as an administrator would make one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NEW = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=box"


def made_certificate(directory: Path) -> tuple[Path, Path]:
    """One for a name that no test uses, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine (Debian: apt-get install openssl)")
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", *NEW.split(), "-keyout", key, "-out", cert], check=True, capture_output=True
    )
    return cert, key
