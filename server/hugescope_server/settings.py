"""What can be set from outside: environment variables with the prefix HUGESCOPE_, or arguments."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hugescope_server.auth.state_dir import default_state_dir
from hugescope_wire.host import MAX_CELLS
from hugescope_wire.messages import MAX_AGENT_MESSAGE_BYTES, MAX_VIEWER_MESSAGE_BYTES

BUILT_FRONT_END: Final = Path(__file__).parent / "static"

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]


class ServerSettings(BaseSettings):
    """All settings of the server, checked once, here.

    Loopback is the default. Tokens and cookies cross any other network only encrypted: there the
    server needs a certificate, or a proxy before it that has one.
    """

    model_config = SettingsConfigDict(env_prefix="HUGESCOPE_", frozen=True, extra="ignore")

    bind_host: str = Field("127.0.0.1", min_length=1, description="address or name to listen on")
    port: int = Field(8765, ge=0, le=65_535, description="0: any free port")
    tls_cert: Path | None = Field(None, description="certificate chain, PEM")
    tls_key: Path | None = Field(None, description="its private key, PEM, without a passphrase")
    behind_proxy: bool = Field(False, description="a proxy before this server speaks TLS for it")
    state_dir: Path = Field(
        default_factory=default_state_dir, description="where tokens are kept, as hashes"
    )
    session_s: float = Field(
        86_400.0, gt=0, le=30 * 86_400, description="a browser stays logged in for so long"
    )
    history: bool = Field(True, description="keep what hosts sent on disk, to be shown again")
    history_dir: Path | None = Field(
        None, description="where; absent: the directory `history` in the state directory"
    )
    history_bytes: int = Field(1 << 30, ge=1 << 20, description="of all hosts, at most")
    history_age_s: float = Field(
        7 * 86_400.0, gt=0, allow_inf_nan=False, description="what is older is deleted"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="further names in the Host header; comma-separated in the environment"
    )
    static_dir: Path = Field(BUILT_FRONT_END, description="the built front end")

    late_after_s: Seconds = Field(3.0, description="no frame for so long: the host is late")
    gone_after_s: Seconds = Field(10.0, description="no frame for so long: the host is gone")
    forget_after_s: Seconds = Field(600.0, description="a gone host's last picture stays so long")
    hello_deadline_s: Seconds = Field(10.0, description="for an agent's first message")
    agent_silence_s: Seconds = Field(30.0, description="an agent's socket may be silent so long")
    send_deadline_s: Seconds = Field(10.0, description="for one message to a viewer to be taken")
    answer_deadline_s: Seconds = Field(10.0, description="for an agent to answer a question")

    max_agent_message_bytes: int = Field(MAX_AGENT_MESSAGE_BYTES, ge=1024)
    max_viewer_message_bytes: int = Field(MAX_VIEWER_MESSAGE_BYTES, ge=1024)
    viewer_messages_hz: float = Field(20.0, ge=1, description="a viewer's, at most, for long")
    max_hosts: int = Field(256, ge=1, description="hosts kept at once, gone ones included")
    max_cells_per_host: int = Field(MAX_CELLS, ge=1, le=MAX_CELLS)
    max_travellers: int = Field(16, ge=1, description="viewers that look at the past at once")
    max_recordings: int = Field(8, ge=0, description="recordings that viewers brought, at once")
    max_recording_bytes: int = Field(256 * 2**20, ge=1024, description="of one that is brought")

    @property
    def history_root(self) -> Path:
        """Where history is kept."""
        return self.history_dir or self.state_dir / "history"

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _as_compared(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if "/" in name or "*" in name:
                raise ValueError(f"{name!r} is not a host name: no scheme, path or wildcard here")
        return tuple(name.lower().strip("[]") for name in value)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.gone_after_s < self.late_after_s:
            raise ValueError("gone_after_s is less than late_after_s")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key: give both, or neither")
        if not (self.tls_cert or self.behind_proxy or is_loopback(self.bind_host)):
            raise ValueError(
                f"bind_host {self.bind_host} can be reached from other machines, and tokens would "
                "cross the network in the clear. Give a certificate with tls_cert and tls_key, or "
                "set behind_proxy where a proxy before this server speaks TLS; or listen on "
                "127.0.0.1 and use an SSH tunnel"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether this address or name is this machine's loopback and nothing else."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
