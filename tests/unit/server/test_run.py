import socket

import pytest

from hugescope_server.errors import CannotListen, PortInUse
from hugescope_server.run import PEER_TIMEOUT_MS, listen, serve
from hugescope_server.settings import ServerSettings


def test_any_free_port_with_a_timeout_for_stalled_peers() -> None:
    with listen(ServerSettings(port=0)) as sock:
        assert sock.getsockname()[1] > 0
        option = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert option == PEER_TIMEOUT_MS
        with socket.create_connection(sock.getsockname()):
            accepted, _ = sock.accept()
            with accepted:
                option = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
                assert option == PEER_TIMEOUT_MS


def test_port_in_use_is_said_before_anything_starts() -> None:
    with listen(ServerSettings(port=0)) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(PortInUse, match=f"127.0.0.1 port {port}: another process"):
            serve(ServerSettings(port=port), lambda url: pytest.fail(f"ready at {url}"))


def test_address_that_is_not_ours() -> None:
    settings = ServerSettings(bind_host="192.0.2.1", behind_proxy=True, port=0)
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        listen(settings)


def test_name_that_is_no_address() -> None:
    settings = ServerSettings(bind_host="256.1.1.1.", behind_proxy=True, port=0)
    with pytest.raises(CannotListen, match=r"256\.1\.1\.1"):
        listen(settings)
