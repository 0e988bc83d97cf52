"""Posts prepared requests over a few kept connections, as fast as they are answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from twilio.request_validator import RequestValidator

from connectors.sandbox.mail import sign

CONNECTIONS = 16
TOKEN = "sandbox-twilio-token"
MAIL_SECRET = "whsec_c2FuZGJveC1yZXNlbmQtc2VjcmV0"


@dataclass(frozen=True)
class Run:
    seconds: float
    latencies: Sequence[float]  # seconds, one a request
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def sign_sms(
    url: str, number: int, text: str = "Bonjour, la robe fleurie bleue, vous l'avez en 38 ?"
) -> bytes:
    """One inbound SMS as Twilio posts it, ready for the wire; its own MessageSid and sender."""
    return _sign(url, f"+336{number:08}", "+33939035761", text)


def sign_whatsapp(
    url: str, number: int, text: str = "Bonjour, la robe fleurie bleue, vous l'avez en 38 ?"
) -> bytes:
    """Ditto by WhatsApp."""
    return _sign(url, f"whatsapp:+336{number:08}", "whatsapp:+33939035761", text)


def _sign(url: str, sender: str, recipient: str, text: str) -> bytes:
    sid = f"SM{uuid4().hex}"
    fields = {
        "ToCountry": "FR",
        "ToState": "",
        "FromCountry": "FR",
        "FromState": "",
        "MessageSid": sid,
        "SmsSid": sid,
        "AccountSid": "AC00000000000000000000000000000001",
        "SmsStatus": "received",
        "Body": text,
        "To": recipient,
        "From": sender,
        "NumMedia": "0",
    }
    signature = RequestValidator(TOKEN).compute_signature(url, fields)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": signature,
    }
    return _request(url, headers, urlencode(fields).encode())


def sign_mail(url: str, number: int) -> bytes:
    """One received e-mail as Resend tells of it; its own id and sender. Signed now, which Svix
    lets pass for five minutes."""
    now = datetime.now(UTC)
    data = {
        "email_id": str(uuid4()),
        "created_at": now.isoformat(),
        "from": f"Camille {number} <camille.{number}@example.com>",
        "to": ["hello@elegance-paris.com"],
        "cc": [],
        "bcc": [],
        "message_id": f"<{number}@example.com>",
        "subject": "La robe fleurie bleue en 38 ?",
        "attachments": [],
    }
    event = {"type": "email.received", "created_at": now.isoformat(), "data": data}
    body, sid, at = json.dumps(event).encode(), f"msg_{uuid4().hex}", int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "svix-id": sid,
        "svix-timestamp": str(at),
        "svix-signature": sign(MAIL_SECRET, sid, at, body),
    }
    return _request(url, headers, body)


def _request(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def post_all(url: str, requests: Sequence[bytes]) -> Run:
    """Each request once, over CONNECTIONS connections."""
    return asyncio.run(_post_all(url, list(requests)))


async def _post_all(url: str, requests: list[bytes]) -> Run:
    parts = urlsplit(url)
    latencies: list[float] = []
    statuses: dict[int, int] = {}

    async def client() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while requests:
            request = requests.pop()
            start = time.perf_counter()
            writer.write(request)
            status = await _read_answer(reader)
            latencies.append(time.perf_counter() - start)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return Run(time.perf_counter() - start, latencies, statuses)


def post_at_rate(url: str, requests: Sequence[bytes], rate: float) -> list[float]:
    """Each request at its time, whatever became of those before (an open loop); when each was
    due (wall time)."""
    return asyncio.run(_post_at_rate(url, requests, rate))


async def _post_at_rate(url: str, requests: Sequence[bytes], rate: float) -> list[float]:
    parts = urlsplit(url)
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(request: bytes, due: float) -> None:
        await asyncio.sleep(max(due - time.time(), 0))
        connection = free.pop() if free else None
        reader, writer = connection or await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(request)
        assert await _read_answer(reader) == 200
        free.append((reader, writer))

    start = time.time() + 0.1
    due = [start + number / rate for number in range(len(requests))]
    await asyncio.gather(*(post(r, at) for r, at in zip(requests, due, strict=True)))
    for _, writer in free:
        writer.close()
    return due


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    if length:
        await reader.readexactly(length)
    return status
