import os
import socket

import pytest

from hugescope_agent.workloads.peer import Peer, PeerGone


@pytest.fixture
def peers():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pair = Peer(ours.detach()), Peer(theirs.detach())
    yield pair
    for peer in pair:
        peer._socket.close()


def test_messages_keep_their_bounds(peers):
    ours, theirs = peers
    ours.tell("serve", start_va=1 << 40)
    ours.tell("touch")
    assert theirs.listen() == {"do": "serve", "start_va": 1 << 40}
    theirs.listen_for("touch")


def test_a_message_out_of_turn_is_refused(peers):
    peers[0].tell("touch")
    with pytest.raises(ValueError, match="not 'verified'"):
        peers[1].listen_for("verified")


def test_a_descriptor_travels(peers):
    read_end, write_end = os.pipe()
    peers[0].tell("serve", write_end, start_va=5)
    message, received = peers[1].listen_for_descriptor()
    assert message == {"do": "serve", "start_va": 5}
    os.write(received, b"x")
    assert os.read(read_end, 1) == b"x"
    for descriptor in (read_end, write_end, received):
        os.close(descriptor)


def test_a_missing_descriptor_is_refused(peers):
    peers[0].tell("serve", start_va=5)
    with pytest.raises(ValueError, match="0 descriptors, not one"):
        peers[1].listen_for_descriptor()


def test_the_other_sides_end_is_seen(peers):
    ours, theirs = peers
    assert not ours.has_message(0)
    theirs._socket.close()
    assert ours.has_message(0)
    with pytest.raises(PeerGone):
        ours.listen()
    with pytest.raises(PeerGone):
        ours.tell("touch")
