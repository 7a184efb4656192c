"""One host's history, read while it is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hugescope_server.history.places import files_in
from hugescope_wire.errors import WireError
from hugescope_wire.picture import HostPicture
from hugescope_wire.recording import Loss, Record
from hugescope_wire.segments.archive import (
    is_intact,
    loss_of,
    newest_key,
    picture_of,
    records_of,
)
from hugescope_wire.segments.file import SegmentFile
from hugescope_wire.segments.following import Follower, Lost
from hugescope_wire.segments.keys import key_picture
from hugescope_wire.storedfile import SeldomFile

_US: Final = 1e6


class _HistoryFile(SegmentFile):
    """One of many: it is opened for each read."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        super().__init__(SeldomFile(path), path.name)


class HistoryArchive:
    """All files of a directory as one.

    `refresh` and `grow` look for what is new, in one thread; all else may be asked from any thread
    meanwhile.

    Attributes:
        files: in order of time.
        losses: as `Archive` says, up to the last `refresh`.
        began_s: of the first picture that can be read; 0 while there is none.
    """

    def __init__(self, directory: Path, host_id: str) -> None:
        self.directory: Final = directory
        self.files: tuple[_HistoryFile, ...] = ()
        self.losses: tuple[Loss, ...] = ()
        self.began_s = 0.0
        self._name: str | None = None
        self._host_id = host_id
        self._follower: Follower | None = None
        self._lost: list[Loss] = []
        self._first: SegmentFile | None = None
        self.refresh()

    @property
    def name(self) -> str:
        """The host's name, of its newest key."""
        if self._name is None:
            self._name = self._stored_name()
        return self._name or self._host_id

    @property
    def ended_s(self) -> float:
        """As `Archive` says."""
        files = self.files
        return max((file.last_us / _US for file in files), default=0.0)

    def grow(self) -> None:
        """Look for what came to the last file."""
        if self.files:
            self.files[-1].look()
            self._look_for_losses()

    def refresh(self) -> None:
        """Look for files that came or went, and for what came to the last ones."""
        known = {file.path.name: file for file in self.files}
        names = files_in(self.directory)
        last = max(known, default="")
        for name in names:
            if name in known and name >= last:
                known[name].look()
        files = (known.get(name) or _HistoryFile(self.directory / name) for name in names)
        self.files = tuple(files)
        self._look_for_losses()

    def records(
        self, since_s: float | None = None, until_s: float | None = None
    ) -> Iterator[Record]:
        """As `Archive` says."""
        return records_of(self._from(since_s), until_s)

    def picture(self, at_s: float) -> HostPicture:
        """As `Pictured` says."""
        return picture_of(self._from(at_s), max(at_s, self.began_s))

    def _from(self, since_s: float | None) -> Follower:
        place = newest_key(self.files, since_s)
        if place is None:
            raise WireError("bad_recording", "nothing of this history is left")
        return Follower(place.file, self._after, growing=True, at=place.at)

    def _after(self, file: SegmentFile) -> SegmentFile | None:
        assert isinstance(file, _HistoryFile), "it follows files of this archive"
        return next((one for one in self.files if one.path.name > file.path.name), None)

    def _look_for_losses(self) -> None:
        files = self.files
        if not files:
            self._follower, self._lost, self.losses, self.began_s = None, [], (), 0.0
            return
        if self._follower is None:
            self._follower = Follower(files[0], self._after, growing=True)
        self._lost += [loss_of(one) for one in self._follower.read_on() if isinstance(one, Lost)]
        if self._first is not files[0] or not self.began_s:
            place = newest_key(files, None)
            self.began_s = 0.0 if place is None else _time_of(place.file, place.at)
            self._first = files[0]
        self._lost = [
            one for one in self._lost if one.until_s is None or one.until_s > self.began_s
        ]
        self.losses = tuple(self._lost)

    def _stored_name(self) -> str | None:
        for file in reversed(self.files):
            for at in reversed(file.keys_at):
                if is_intact(file, at):
                    step = file.step(at)
                    if step is not None and step.payload is not None:
                        about = key_picture(step.payload).about
                        return None if about is None else about.host.name
        return None


def _time_of(file: SegmentFile, at: int) -> float:
    return file.keys_s[file.keys_at.index(at)]
