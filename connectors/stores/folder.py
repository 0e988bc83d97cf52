"""A folder of this machine, or one that several share, as a MediaStore."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from connectors.errors import Refused, Unavailable

KEY = re.compile(r"[0-9]+/[0-9a-f]+")


class FolderStore:
    """Implements connectors.ports.MediaStore. The folder is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """The type is not kept here: whoever knows the key knows the type."""
        path = self._path(key)
        # Nobody sees half a file: it takes its name when it is whole and on the disk.
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                with fresh.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(path)
            finally:
                fresh.unlink(missing_ok=True)
        except OSError as error:
            raise _unavailable(error) from None

    def get(self, key: str, start: int, end: int) -> bytes:
        try:
            with self._path(key).open("rb") as file:
                file.seek(start)
                return file.read(end - start)
        except FileNotFoundError:
            raise Refused("folder: nothing under this key", vendor="folder") from None
        except OSError as error:
            raise _unavailable(error) from None

    def _path(self, key: str) -> Path:
        """Raises ValueError for a key that could lead out of the folder."""
        if not KEY.fullmatch(key):
            raise ValueError("a key of no store of ours")
        return self._folder / key


def _unavailable(error: OSError) -> Unavailable:
    return Unavailable(f"folder: {error.strerror}", vendor="folder", code=type(error).__name__)
