"""Files that are either written whole or not at all, and never in the place of somebody else's."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..arguments import as_path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

# What is written beside the target until it is whole. The number makes the name ours: nobody else's file is removed.
_PART = re.compile(r"\..*\.[0-9a-f]{16}\.part")
_LONGEST_NAME = 100  # characters of the target's name in that of its part: file systems end at 255 bytes


def write_whole(
    path: str | os.PathLike[str],
    write: Callable[[Path], None],
    *,
    who: str,
    overwrite: bool = False,
    ours: Callable[[Path], bool] = lambda _: False,
) -> Path:
    """Let ``write`` fill a new file beside ``path``, flush it to the disk, and put it in the place of ``path``.

    A reader sees the old file or the new one, never a part; on any failure the old file stays and nothing else is
    left behind. An existing file's permissions are kept, and a link is followed. What an earlier write that was killed
    left in the folder is removed.

    Parameters
    ----------
    overwrite
        Replace a file that is there, whosever it is.
    ours
        Whether the file that is there may be replaced without asking.

    Raises
    ------
    FileExistsError
        If there is a file that may not be replaced.
    OSError
        If the file cannot be written, with the reason.
    ValueError
        If a text cannot be written as UTF-8.
    """
    target = Path(os.path.realpath(as_path(path, who=who)))
    _check_target(target, who)
    if target.exists() and not overwrite and not ours(target):
        raise FileExistsError(
            f"{who}: {str(target)!r} exists, and was not written from here or was changed since. Give another name, or "
            "overwrite=True to replace it."
        )
    part: Path | None = None
    try:
        _remove_stale_parts(target.parent)
        with _new_part(target) as part:
            if target.exists():
                shutil.copymode(target, part)
            write(part)
            _flush(part)
            os.replace(part, target)
    except OSError as error:
        reason = error.strerror or str(error).replace(str(part), str(target))
        raise OSError(f"{who}: cannot write {str(target)!r}: {reason}. Nothing was changed.") from error
    except UnicodeError as error:
        raise ValueError(f"{who}: a text cannot be written as UTF-8: {error}. Nothing was changed.") from error
    _flush(target.parent)
    return target


class OwnFiles:
    """The files that one workbench wrote and nobody changed since: it may replace them without asking."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def remember(self, path: str, digest: str) -> None:
        """Note that a file was written with this content."""
        self._digests[path] = digest

    def written(self, path: Path) -> str:
        """Note that a file was just written, and return the digest of its content."""
        self.remember(str(path), digest(path))
        return self._digests[str(path)]

    def __contains__(self, path: Path) -> bool:
        return self._digests.get(str(path)) == digest(path)


def digest(path: Path) -> str:
    """SHA-256 of a file's content, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_target(target: Path, who: str) -> None:
    if target.is_dir():
        raise IsADirectoryError(f"{who}: expected a file to write, got the folder {str(target)!r}. Add a file name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{who}: there is no folder {str(target.parent)!r}. Make it first, or give another.")
    # Replacing a file needs no right to write to it, but whoever took that right away wants to keep it.
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{who}: {str(target)!r} is write-protected. Change its permissions, or give another.")


@contextmanager
def _new_part(target: Path) -> Iterator[Path]:
    """A new empty file beside the target, locked as long as it is written, and removed if it is still there then."""
    while True:
        part = target.with_name(f".{target.name[:_LONGEST_NAME]}.{secrets.token_hex(8)}.part")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        _lock(descriptor)
        if part.exists():
            break
        os.close(descriptor)  # another process took it for stale before the lock was on it
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        os.close(descriptor)


def _remove_stale_parts(folder: Path) -> None:
    """Remove what killed writes left: parts that no process holds a lock on."""
    if fcntl is None:
        return
    for part in folder.glob(".*.part"):
        if not _PART.fullmatch(part.name):
            continue
        try:
            descriptor = os.open(part, os.O_RDWR)
        except OSError:  # removed meanwhile, or another user's
            continue
        try:
            if _lock(descriptor):
                part.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file for this process unless another has it; False where it has, or where files cannot be locked."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _flush(path: Path) -> None:
    """Wait until a file, or the list of files in a folder, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes folders by itself and cannot open them
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
