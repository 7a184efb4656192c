import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hugescope_server.auth import records, secret
from hugescope_server.auth.principal import Role
from hugescope_server.auth.state_dir import StateError
from hugescope_server.auth.store import KEY_FILE, TOKENS_FILE, TokenStore

DAY_S = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> TokenStore:
    return TokenStore(tmp_path / "state", clock)


def again(store: TokenStore) -> TokenStore:
    """As another process, or the next run, has it."""
    return TokenStore(store.directory, store.clock)


def test_nothing_is_touched_before_it_is_needed(store: TokenStore) -> None:
    assert store.find(f"hst_{'0' * 12}_{'x' * 43}") is None
    assert store.tokens() == ()
    assert not store.directory.exists()


def test_only_the_owner_reads_what_is_kept_and_it_holds_no_secret(store: TokenStore) -> None:
    token, _ = store.create(Role.AGENT, "h1", "rack 4")
    code = store.new_code(Role.OPERATOR)
    store.check()
    assert store.directory.stat().st_mode & 0o777 == 0o700
    for name in (TOKENS_FILE, KEY_FILE, "lock"):
        path = store.directory / name
        assert path.stat().st_mode & 0o777 == 0o600
        for text in (token, code):
            assert text.encode() not in path.read_bytes()
            assert text.split("_", 2)[2].encode() not in path.read_bytes()


def test_a_token_has_256_random_bits(store: TokenStore) -> None:
    tokens = {store.create(Role.VIEWER)[0] for _ in range(20)}
    assert len(tokens) == 20
    for token in tokens:
        assert secret.SECRET_PATTERN.fullmatch(token)
        assert len(token.split("_", 2)[2]) * 6 >= 256


def test_a_token_is_found_by_its_whole_text_only(store: TokenStore) -> None:
    token, made = store.create(Role.ADMIN, label="me")
    other, _ = store.create(Role.ADMIN)
    found = store.find(token)
    assert found == made
    mixed = "_".join([*token.split("_", 2)[:2], other.split("_", 2)[2]])
    for wrong in (
        "",
        "hst_",
        token[:-1],
        token + "A",
        mixed,
        token.upper(),
        f"{token}\n",
        "é" * 60,
    ):
        assert store.find(wrong) is None
    assert store.redeem(token, DAY_S) is None


def test_every_reader_sees_what_another_process_did(store: TokenStore) -> None:
    token, made = store.create(Role.VIEWER)
    other = again(store)
    assert other.find(token) is not None
    assert store.revoke(made.id) is not None
    assert other.find(token) is None
    assert store.find(token) is None
    assert other.tokens()[0].revoked_at is not None
    assert store.revoke("0" * 12) is None


def test_a_token_expires_and_is_listed_for_a_while(store: TokenStore, clock: Clock) -> None:
    token, made = store.create(Role.VIEWER, lasts_s=DAY_S)
    clock.now += DAY_S - 1
    assert store.find(token) is not None
    clock.now += 1
    assert store.find(token) is None
    store.create(Role.VIEWER)
    assert made.id in [one.id for one in store.tokens()]
    clock.now += 31 * DAY_S
    store.create(Role.VIEWER)
    assert made.id not in [one.id for one in store.tokens()]


@pytest.mark.parametrize(("role", "host_id"), [(Role.AGENT, None), (Role.VIEWER, "h1")])
def test_agents_have_a_host_and_nobody_else(
    store: TokenStore, role: Role, host_id: str | None
) -> None:
    with pytest.raises(ValueError, match="host_id"):
        store.create(role, host_id)


def test_a_code_opens_one_session_and_no_more_after_a_restart_either(store: TokenStore) -> None:
    code = store.new_code(Role.OPERATOR)
    opened = again(store).redeem(code, DAY_S)
    assert opened is not None
    assert opened.role is Role.OPERATOR
    assert store.redeem(code, DAY_S) is None
    assert again(store).redeem(code, DAY_S) is None
    assert store.find(code) is None, "a code is no token"
    assert again(store).holding(opened.id) is not None


def test_a_code_lasts_ten_minutes(store: TokenStore, clock: Clock) -> None:
    early, late = store.new_code(Role.VIEWER), store.new_code(Role.VIEWER)
    clock.now += 599
    assert store.redeem(early, DAY_S) is not None
    clock.now += 1
    assert store.redeem(late, DAY_S) is None


def test_of_many_who_use_a_code_at_once_one_gets_in(tmp_path: Path) -> None:
    code = TokenStore(tmp_path).new_code(Role.VIEWER)
    crowd = 8
    together = threading.Barrier(crowd)

    def redeem(_number: int) -> bool:
        # Each opens the lock itself, as processes do.
        own = TokenStore(tmp_path)
        together.wait(60)
        return own.redeem(code, DAY_S) is not None

    with ThreadPoolExecutor(crowd) as pool:
        assert sum(pool.map(redeem, range(crowd))) == 1


def test_sessions_end_with_their_token_and_with_their_time(store: TokenStore, clock: Clock) -> None:
    _, made = store.create(Role.VIEWER, lasts_s=DAY_S)
    short = store.open_session(made, 10)
    long = store.open_session(made, 10 * DAY_S)
    assert long.expires_at == made.expires_at
    clock.now += 10
    assert store.holding(short.id) is None
    assert store.holding(long.id) is not None
    store.revoke(made.id)
    assert store.holding(long.id) is None
    assert [one.id for one in again(store).tokens()] == [made.id]


def test_a_session_that_ends_leaves_its_token(store: TokenStore) -> None:
    token, made = store.create(Role.VIEWER)
    opened = store.open_session(made, DAY_S)
    store.revoke(opened.id)
    assert store.holding(opened.id) is None
    assert store.find(token) is not None


def test_what_is_lent_is_never_written_and_ends_with_the_process(store: TokenStore) -> None:
    token = store.lend(Role.AGENT, "h1")
    found = store.find(token)
    assert found is not None
    assert found.host_id == "h1"
    assert again(store).find(token) is None
    assert not store.directory.exists()


def test_there_are_bounds(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_TOKENS", 2)
    monkeypatch.setattr(records, "MAX_SESSIONS", 2)
    monkeypatch.setattr(records, "MAX_CODES", 2)
    _, made = store.create(Role.VIEWER)
    sessions = [store.open_session(made, DAY_S) for _ in range(3)]
    assert [store.holding(one.id) is not None for one in sessions] == [False, True, True]
    codes = [store.new_code(Role.VIEWER) for _ in range(3)]
    assert [store.redeem(code, DAY_S) is not None for code in codes] == [False, True, True]
    store.create(Role.VIEWER)
    with pytest.raises(StateError, match="revoke some"):
        store.create(Role.VIEWER)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "{}}",
        lambda text: text.replace('"format": 1', '"format": 9'),
        lambda text: text.replace('"agent"', '"root"'),
        lambda text: json.dumps({**json.loads(text), "tokens": [{"id": "x"}]}),
        lambda text: "\0" * 100,
    ],
)
def test_a_damaged_file_is_named_and_nobody_comes_in(
    store: TokenStore, damage: Callable[[str], str]
) -> None:
    token, _ = store.create(Role.AGENT, "h1")
    path = store.directory / TOKENS_FILE
    damaged = damage(path.read_text())
    # Another file: of the same one, changed within a tick of the kernel's clock and as long as it
    # was, some kernels tell the same times as before.
    (store.directory / "damaged").write_text(damaged)
    (store.directory / "damaged").rename(path)
    for act in (again(store).check, lambda: store.find(token), lambda: store.create(Role.VIEWER)):
        with pytest.raises(StateError, match=rf"{TOKENS_FILE}: is damaged"):
            act()
    assert path.read_text() == damaged, "what is damaged is not written over"


def test_a_damaged_key_is_named(store: TokenStore) -> None:
    store.check()
    (store.directory / KEY_FILE).write_bytes(b"short")
    with pytest.raises(StateError, match=rf"{KEY_FILE}: is damaged"):
        again(store).check()


def test_the_key_stays(store: TokenStore) -> None:
    assert store.session_key() == again(store).session_key()
    assert len(store.session_key()) == 32


def test_a_file_that_goes_away_lets_nobody_in(store: TokenStore) -> None:
    token, _ = store.create(Role.VIEWER)
    (store.directory / TOKENS_FILE).unlink()
    assert store.find(token) is None


def test_a_killed_writer_leaves_the_old_file(store: TokenStore) -> None:
    token, _ = store.create(Role.VIEWER)
    (store.directory / f"{TOKENS_FILE}.new").write_text('{"format": 1, "tok')
    assert again(store).find(token) is not None
    later, _ = again(store).create(Role.VIEWER)
    assert store.find(later) is not None


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_where_others_write_is_refused_and_left_alone(
    tmp_path: Path, mode: int
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(mode)
    with pytest.raises(StateError, match="others may write there"):
        TokenStore(shared).create(Role.VIEWER)
    assert shared.stat().st_mode & 0o777 == mode
    assert list(shared.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=str(tmp_path / "file" / "state")):
        TokenStore(tmp_path / "file" / "state").check()


def test_a_link_in_place_of_the_lock_is_not_followed(store: TokenStore, tmp_path: Path) -> None:
    store.check()
    (store.directory / "lock").unlink()
    (store.directory / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateError, match="lock"):
        store.create(Role.VIEWER)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_in_a_users_directory_is_that_users(store: TokenStore) -> None:
    store.directory.mkdir(mode=0o700)
    os.chown(store.directory, 12345, 12345)
    store.create(Role.VIEWER)
    for path in store.directory.iterdir():
        assert path.stat().st_uid == 12345


def test_where_a_server_was_is_noted(store: TokenStore) -> None:
    assert store.noted_url() is None
    store.note_url("http://127.0.0.1:1")
    assert again(store).noted_url() == "http://127.0.0.1:1"
