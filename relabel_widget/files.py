"""Files that are either written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path


def write_whole(path: str | os.PathLike[str], write: Callable[[Path], None], *, who: str) -> Path:
    """Let ``write`` fill a new file beside ``path``, flush it to the disk, and put it in the place of ``path``.

    A reader sees the old file or the new one, never a part; on any failure the old file stays and nothing else is
    left behind. An existing file's permissions are kept, and a link is followed.

    Raises
    ------
    OSError
        If the file cannot be written, with the reason.
    ValueError
        If a text cannot be written as UTF-8.
    """
    target = Path(os.path.realpath(Path(path).expanduser()))
    _check_target(target, who)
    part = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        part.touch(exist_ok=False)
        if target.exists():
            shutil.copymode(target, part)
        write(part)
        _flush(part)
        os.replace(part, target)
    except OSError as error:
        raise OSError(
            f"{who}: cannot write {str(target)!r}: {error.strerror or error}. Nothing was changed."
        ) from error
    except UnicodeError as error:
        raise ValueError(f"{who}: a text cannot be written as UTF-8: {error}. Nothing was changed.") from error
    finally:
        part.unlink(missing_ok=True)
    _flush(target.parent)
    return target


def _check_target(target: Path, who: str) -> None:
    if target.is_dir():
        raise IsADirectoryError(f"{who}: expected a file to write, got the folder {str(target)!r}. Add a file name.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{who}: there is no folder {str(target.parent)!r}. Make it first, or give another.")
    # Replacing a file needs no right to write to it, but whoever took that right away wants to keep it.
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{who}: {str(target)!r} is write-protected. Change its permissions, or give another.")


def _flush(path: Path) -> None:
    """Wait until a file, or the list of files in a folder, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows flushes folders by itself and cannot open them
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
