"""A bucket behind an S3-compatible API as a MediaStore.

By obstore (Apache's object_store in Rust): it signs, retries and reads ranges, and is loaded
in a tenth of the time and half the memory of boto3.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import obstore.store
from obstore.exceptions import BaseError, NotFoundError

from connectors.errors import BadConfig, Refused, Unavailable

RETRIES = 2


class BucketStore:
    """Implements connectors.ports.MediaStore. The bucket is there already, and not public."""

    def __init__(self, url: str, *, region: str, key: str, secret: str, timeout: float) -> None:
        endpoint, bucket = _split(url)
        if not key or not secret:
            raise BadConfig("MEDIA_KEY, MEDIA_SECRET: both are needed for a bucket")
        self._bucket = obstore.store.S3Store(
            bucket,
            endpoint=endpoint,
            region=region,
            access_key_id=key,
            secret_access_key=secret,
            virtual_hosted_style_request=False,
            client_options={
                "timeout": timedelta(seconds=timeout),
                "connect_timeout": timedelta(seconds=timeout),
                "allow_http": endpoint.startswith("http:"),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=timeout * RETRIES),
            },
        )

    def put(self, key: str, content: bytes, content_type: str) -> None:
        with _translated():
            self._bucket.put(
                key, content, attributes={"Content-Type": content_type}, use_multipart=False
            )

    def get(self, key: str, start: int, end: int) -> bytes:
        with _translated():
            try:
                return bytes(self._bucket.get_range(key, start=start, end=end))
            except (NotFoundError, FileNotFoundError):
                raise Refused("s3: nothing under this key", vendor="s3") from None


@contextmanager
def _translated() -> Iterator[None]:
    """obstore's errors as ours. Their texts name the request and are not passed on. Whoever
    keeps the house can right a wrong secret or a bucket that is not there: nothing is lost."""
    try:
        yield
    except (BaseError, OSError) as error:
        name = type(error).__name__
        raise Unavailable(f"s3: {name}", vendor="s3", code=name) from None


def _split(url: str) -> tuple[str, str]:
    """Endpoint and bucket of `https://host[:port]/bucket`. Raises BadConfig."""
    parts = urlsplit(url)
    bucket = parts.path.strip("/")
    plain = not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not plain:
        raise BadConfig("MEDIA_URL: expected https://host/bucket")
    if not bucket or "/" in bucket:
        raise BadConfig("MEDIA_URL: expected one bucket after the host")
    return f"{parts.scheme}://{parts.netloc}", bucket
