"""The store that the settings choose."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from bot.settings import settings
from connectors.ports import MediaStore
from connectors.stores import open_store


def media_store() -> MediaStore:
    """A bucket (MEDIA_URL) or a folder in DATA_DIR. Raises BadConfig."""
    chosen = settings()
    folder = chosen.data_dir.resolve() / "media"
    return _open(
        chosen.media_url,
        folder,
        chosen.media_region,
        chosen.media_key,
        chosen.media_secret,
        chosen.vendor_timeout_seconds,
    )


@lru_cache(maxsize=4)
def _open(url: str, folder: Path, region: str, key: str, secret: str, timeout: float) -> MediaStore:
    return open_store(url, folder, region=region, key=key, secret=secret, timeout=timeout)
