"""The only reader of the environment. docs/operations.md lists every setting (a test checks)."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


def sockets_of(data_dir: Path) -> Path:
    """Where the embedded servers' sockets live: in the data folder, or, where that path is too
    long for a socket (107 bytes in all), in a folder of the temporary directory."""
    inside = data_dir.resolve() / "sockets"
    if len(str(inside).encode()) <= 80:
        return inside
    digest = hashlib.sha256(str(inside).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"coccinelle-{digest}"


def embedded_database(data_dir: Path) -> str:
    """The SQLAlchemy URL of the embedded PostgreSQL of a data folder."""
    host = quote(str(sockets_of(data_dir)))
    return f"postgresql+psycopg://postgres@/coccinelle?host={host}&port=5432"


def embedded_redis(data_dir: Path) -> str:
    return f"unix://{quote(str(sockets_of(data_dir) / 'redis.sock'))}"


class Settings(BaseSettings):
    """Each field is read from the environment variable of its name in capitals, or `.env`."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", extra="ignore", frozen=True)

    database_url: str = Field(
        "", repr=False, description="PostgreSQL; empty: the embedded one in DATA_DIR"
    )
    redis_url: str = Field("", repr=False, description="Redis; empty: the embedded one in DATA_DIR")
    data_dir: Path = Field(ROOT / ".data", description="what the embedded servers and demo keep")
    secret_key: str = Field(
        "", repr=False, description="signs sessions; empty: made once, kept in DATA_DIR"
    )
    encryption_keys: str = Field(
        "",
        repr=False,
        description="Fernet keys of connection secrets, newest first; empty: as SECRET_KEY",
    )
    public_url: str = Field("", description="how vendors reach us; empty: http://HOST:PORT")
    host: str = Field("127.0.0.1", description="where the web server listens")
    port: int = Field(8000, description="port of the web server")
    sandbox_port: int = Field(8100, description="port of the vendors' sandbox (demo only)")
    web_workers: int = Field(2, ge=1, description="web server processes")
    web_threads: int = Field(2, ge=1, description="threads in each of them")
    workers: int = Field(2, ge=1, description="processes that answer")
    proxies: int = Field(0, ge=0, description="trusted proxies in front (X-Forwarded-For hops)")
    settling_seconds: float = Field(
        1.0, ge=0, description="how long a turn waits for a further message"
    )
    lease_seconds: float = Field(
        30.0, gt=0, description="how long a worker that died keeps a conversation to itself"
    )
    sweep_seconds: float = Field(
        5.0, gt=0, description="how often what a lost job forgot is looked for"
    )
    vendor_timeout_seconds: float = Field(
        10.0, gt=0, description="longest wait for a vendor's answer"
    )
    openai_base_url: str = Field(
        "", description="for `flask evaluate --engine openai`: the server; empty: OpenAI's"
    )
    openai_api_key: str = Field("", repr=False, description="its key, where it wants one")
    openai_model: str = Field("", description="the model to evaluate")
    openai_limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    media_url: str = Field(
        "", description="a bucket, https://host/bucket; empty: the folder media in DATA_DIR"
    )
    media_region: str = Field("auto", description="region of that bucket")
    media_key: str = Field("", description="access key id for that bucket")
    media_secret: str = Field("", repr=False, description="its secret access key")
    media_max_bytes: int = Field(
        16 * 1024 * 1024, gt=0, description="largest file of a message that is kept"
    )
    metrics_token: str = Field(
        "",
        repr=False,
        description="bearer token for /metrics; empty: it answers on this machine only",
    )
    demo: bool = Field(False, description="the phone page, the sandbox and a movable clock")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @property
    def claim(self) -> timedelta:
        """How long what a process is at stays its own: longer than an answer that it waits
        for may take (the time limit holds for connecting and for reading)."""
        return timedelta(seconds=3 * self.vendor_timeout_seconds)

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the database, embedded or not."""
        if not self.database_url:
            return embedded_database(self.data_dir)
        scheme, _, rest = self.database_url.partition("://")
        return (
            f"postgresql+psycopg://{rest}"
            if scheme in {"postgres", "postgresql"}
            else (self.database_url)
        )

    @property
    def redis(self) -> str:
        return self.redis_url or embedded_redis(self.data_dir)


@lru_cache
def settings() -> Settings:
    """The settings of this process. Raises pydantic.ValidationError naming a bad one."""
    return Settings()  # type: ignore[call-arg]  # every field comes from the environment
