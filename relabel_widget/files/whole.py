"""Files that are written completely or not at all, and never over a file that is not ours."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..arguments import as_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# The partial file beside the target. Its name has a fixed length, because names are limited to 255 bytes in any
# alphabet, and is distinctive, so that no other file is mistaken for a partial one.
_PART = re.compile(r"\.relabel_widget-[0-9a-f]{16}\.part")
_STALE = 24 * 3600  # seconds without a write after which a partial file is stale, where there are no locks to tell


def write_whole(
    path: str | os.PathLike[str],
    write: Callable[[Path], None],
    *,
    who: str,
    overwrite: bool = False,
    ours: Callable[[Path], bool] = lambda _: False,
) -> Path:
    """Let ``write`` fill a new file beside ``path``, flush it to disk, and replace ``path`` by it.

    A reader sees the old file or the new one, never a partial one; on any failure the old file stays and nothing else
    is left behind. An existing file's permissions are kept, and a link is followed. Partial files left in the folder
    by killed writes are removed.

    Parameters
    ----------
    overwrite
        Replace any existing file.
    ours
        Whether an existing file may be replaced without ``overwrite``.

    Raises
    ------
    FileExistsError
        If there is a file that must not be replaced.
    OSError
        If the file cannot be written, with the reason.
    ValueError
        If a text cannot be written as UTF-8.
    """
    target = Path(os.path.realpath(as_path(path, who=who)))
    _check_target(target, who)
    _check_owner(target, who, overwrite, ours)
    with _part_beside(target, who) as part:
        with _in_words(target, who):
            if target.exists():
                shutil.copymode(target, part)
            write(part)
            _flush(part)
        _check_owner(target, who, overwrite, ours)  # again: writing may have taken hours
        with _in_words(target, who):
            os.replace(part, target)
    _flush(target.parent)
    return target


class OwnFiles:
    """The files that one workbench wrote and that have not changed since: it may replace them without asking."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def remember(self, path: str, digest: str) -> None:
        """Record that a file was written with this content."""
        self._digests[path] = digest

    def write(
        self, path: str | os.PathLike[str], write: Callable[[Path], None], *, who: str, overwrite: bool
    ) -> tuple[Path, str]:
        """`write_whole`, and remember the file; returns it with the digest of its content."""
        digests: list[str] = []

        def fill(part: Path) -> None:
            write(part)
            digests.append(_digest(part))  # of what we wrote, not of what others may write there later

        target = write_whole(path, fill, who=who, overwrite=overwrite, ours=self.__contains__)
        self.remember(str(target), digests[0])
        return target, digests[0]

    def __contains__(self, path: Path) -> bool:
        known = self._digests.get(str(path))
        return known is not None and _digest(path) == known


def _digest(path: Path) -> str:
    """SHA-256 of a file's content, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _in_words(target: Path, who: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind: Any = type(error) if type(error).__module__ == "builtins" else OSError
        reason = _PART.sub(target.name, str(error.strerror or error))
        # "from None": the cause names the partial file
        raise kind(f"{who}: cannot write {str(target)!r}: {reason}. Nothing was changed.") from None
    except UnicodeError as error:
        raise ValueError(f"{who}: a text cannot be written as UTF-8: {error}. Nothing was changed.") from error


def _check_target(target: Path, who: str) -> None:
    with _in_words(target, who):
        mode = target.stat().st_mode if target.exists() else None
    if mode is not None and stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{who}: expected a file to write, got the folder {str(target)!r}. Add a file name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{who}: there is no folder {str(target.parent)!r}. Create it, or choose another.")
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(f"{who}: expected a file to write, got {str(target)!r}, a device or a pipe. Choose another name.")
    # Replacing a file needs no write permission on it, but whoever removed that permission wants to keep the file.
    if mode is not None and not os.access(target, os.W_OK):
        raise PermissionError(
            f"{who}: {str(target)!r} is write-protected. Change its permissions, or choose another file."
        )


def _check_owner(target: Path, who: str, overwrite: bool, ours: Callable[[Path], bool]) -> None:
    if overwrite or not target.exists():
        return
    with _in_words(target, who):
        replaceable = ours(target)
    if not replaceable:
        raise FileExistsError(
            f"{who}: {str(target)!r} exists, but was not written here or has changed since. Choose another "
            "name, or pass overwrite=True to replace it."
        )


@contextmanager
def _part_beside(target: Path, who: str) -> Iterator[Path]:
    """A new empty file beside the target, locked while it is written, and removed afterwards if it is still there."""
    _remove_stale_parts(target.parent)
    with _in_words(target, who):
        part, descriptor = _new_part(target.parent)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        if descriptor is not None:
            os.close(descriptor)


def _new_part(folder: Path) -> tuple[Path, int | None]:
    """A new file and its lock's descriptor; None on Windows, which has no such locks and cannot replace open files."""
    while True:
        part = folder / f".relabel_widget-{secrets.token_hex(8)}.part"
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if fcntl is None:
            os.close(descriptor)
            return part, None
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if part.exists():
            return part, descriptor
        os.close(descriptor)  # another process took it for stale before it was locked


def _remove_stale_parts(folder: Path) -> None:
    """Remove what killed writes left behind, where possible."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if _PART.fullmatch(name):
                with suppress(OSError):  # being written, removed meanwhile, or another user's
                    _remove_if_stale(folder / name)


def _remove_if_stale(part: Path) -> None:
    """Remove a partial file that no process has locked.

    Raises
    ------
    OSError
        If it is locked, or cannot be removed.
    """
    if fcntl is None:
        if time.time() - part.stat().st_mtime > _STALE:
            part.unlink()
        return
    descriptor = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()
    finally:
        os.close(descriptor)


def _flush(path: Path) -> None:
    """Wait until a file, or a folder's list of files, is on disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes folders by itself and cannot open them
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
