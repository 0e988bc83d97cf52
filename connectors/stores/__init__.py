"""Stores of files (connectors.ports.MediaStore): a folder, or a bucket behind an S3 API."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connectors.stores.folder import FolderStore

if TYPE_CHECKING:
    from connectors.ports import MediaStore

__all__ = ["open_store"]


def open_store(
    url: str, folder: Path, *, region: str, key: str, secret: str, timeout: float
) -> MediaStore:
    """The bucket at `url` (`https://s3.example.com/bucket`), or `folder` when there is none.

    `timeout` is in seconds, for one request. Raises BadConfig.
    """
    if not url:
        return FolderStore(folder)
    from connectors.stores.s3 import (  # noqa: PLC0415  # its library is loaded only when used
        BucketStore,
    )

    return BucketStore(url, region=region, key=key, secret=secret, timeout=timeout)
