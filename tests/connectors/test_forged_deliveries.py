"""More than ten thousand forged, stale, replayed, truncated and oversized deliveries at each
signed door: none is accepted, and none does anything but be refused.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox_world import AUTH_TOKEN, JULIE, SHOP_NUMBER, WEBHOOK_SECRET
from svix.webhooks import Webhook

from connectors.channels import Receipt, SignedRequest
from connectors.errors import BadSignature, UnknownEvent
from connectors.resend.channel import Config as ResendConfig
from connectors.resend.channel import ResendChannel
from connectors.sandbox.carrier import sign
from connectors.twilio.channel import Config as TwilioConfig
from connectors.twilio.channel import TwilioChannel
from connectors.twilio.deliveries import parse_fields

LEAST = 10_000
EXAMPLES = 500
LARGE = 64 * 1024  # bytes; the door itself refuses more before it asks us

Forgeries = Iterator[tuple[str, SignedRequest]]

texts = st.text(max_size=80)
names = st.sampled_from(["Body", "ProfileName", "ButtonPayload", "FromCity", "Latitude", "Ünknown"])
forms = st.dictionaries(names, texts, max_size=6)


@dataclass(frozen=True)
class Post:
    """A vendor that posts: how it signs, at an age in seconds, with a secret."""

    verify: Callable[[SignedRequest], Receipt]
    deliver: Callable[[dict[str, str], Random, float, str], SignedRequest]
    secret: str
    other_secret: str
    signature: str
    means: Callable[[bytes], object]


def deliver_twilio(form: dict[str, str], chance: Random, age: float, secret: str) -> SignedRequest:
    sid = f"SM{chance.getrandbits(128):032x}"
    fields = {**form, "MessageSid": sid, "From": JULIE, "To": SHOP_NUMBER}
    url = "https://coccinelle.example/webhooks/twilio/1"
    signature = sign(secret, url, fields)
    body = urlencode(fields).encode()
    return SignedRequest("POST", url, {"X-Twilio-Signature": signature}, body)


def deliver_resend(form: dict[str, str], chance: Random, age: float, secret: str) -> SignedRequest:
    data = {**form, "email_id": "56761188-7520-42d8-8898-ff6fc54ce618"}
    body = json.dumps({"type": "email.received", "data": data})
    name, at = f"msg_{chance.getrandbits(64):x}", datetime.now(UTC) - timedelta(seconds=age)
    headers = {
        "svix-id": name,
        "svix-timestamp": str(int(at.timestamp())),
        "svix-signature": Webhook(secret).sign(name, at, body),
    }
    url = "https://coccinelle.example/webhooks/resend/1"
    return SignedRequest("POST", url, headers, body.encode())


def twilio() -> Post:
    channel = TwilioChannel(TwilioConfig(account_sid="AC" + "0" * 32, auth_token=AUTH_TOKEN))
    return Post(
        channel.verify, deliver_twilio, AUTH_TOKEN, "stolen", "X-Twilio-Signature", _form_of
    )


def resend() -> Post:
    channel = ResendChannel(ResendConfig(api_key="re_x", webhook_secret=WEBHOOK_SECRET))
    other = "whsec_" + base64.b64encode(b"stolen" * 4).decode()
    return Post(channel.verify, deliver_resend, WEBHOOK_SECRET, other, "svix-signature", bytes)


def _form_of(body: bytes) -> object:
    """Twilio signs what a form means, not its bytes."""
    try:
        return parse_fields(body)
    except ValueError:
        return None


# --- forging -----------------------------------------------------------------------------


def forge(post: Post, form: dict[str, str], chance: Random) -> Forgeries:
    """Ways of tampering with a genuine delivery, each with its name."""
    genuine = post.deliver(form, chance, 0, post.secret)
    another = post.deliver({**form, "Body": "STOP"}, chance, 0, post.secret)
    assert post.verify(genuine).provider_id
    yield "another secret", post.deliver(form, chance, 0, post.other_secret)
    yield "replayed with another body", replace(genuine, body=another.body)
    yield "replayed under another delivery's headers", replace(genuine, headers=another.headers)
    yield from _forge_signature(post, genuine, chance)
    for name, body in _forge_bodies(genuine.body, chance):
        if post.means(body) != post.means(genuine.body):
            yield name, replace(genuine, body=body)
    yield "not signed", replace(genuine, headers={})
    yield "nothing at all", SignedRequest("POST", genuine.url, {}, b"")
    junk = chance.randbytes(chance.randrange(200))
    yield "noise", SignedRequest("POST", genuine.url, {post.signature: junk.hex()}, junk)
    noisy = {name: _noise(chance) for name in genuine.headers}
    yield "noise in every header", replace(genuine, headers=noisy)


def _forge_signature(post: Post, genuine: SignedRequest, chance: Random) -> Forgeries:
    signature = genuine.headers[post.signature]
    at = chance.randrange(len(signature) - 6, len(signature) - 2)  # within the digest
    other = "A" if signature[at] != "A" else "B"
    forged = {
        "a changed signature": signature[:at] + other + signature[at + 1 :],
        "a truncated signature": signature[: chance.randrange(len(signature) - 2)],
        "a long signature": signature[:-2] + "A" * chance.randrange(1, 2000),
        "a signature of other letters": _noise(chance),
        "a signature in capitals": signature.upper() + "x",
        "an empty signature": "",
        "a signature without its padding": signature.rstrip("=") + "A",
    }
    for name, value in forged.items():
        yield name, replace(genuine, headers={**genuine.headers, post.signature: value})


def _forge_bodies(body: bytes, chance: Random) -> Iterator[tuple[str, bytes]]:
    at = chance.randrange(len(body))
    yield "truncated", body[:at]
    yield "truncated at its beginning", body[at + 1 :]
    yield (
        "a byte changed",
        body[:at] + bytes([body[at] ^ chance.randrange(1, 256)]) + body[at + 1 :],
    )
    yield "a byte more", body[:at] + bytes([chance.randrange(256)]) + body[at:]
    yield "more at its end", body + b"&From=%2B33600000000"
    yield "twice", body + b"&" + body + b"&Body=twice"
    yield "not UTF-8", body + b"&x=\xff\xfe%ff%00"
    yield "reversed", body[::-1]
    yield "a flood of fields", body + b"&a=1" * 600
    if chance.random() < 0.1:
        yield "oversized", body + b"&Body=" + b"x" * LARGE


def _noise(chance: Random) -> str:
    return "".join(map(chr, (chance.randrange(0x2000) for _ in range(chance.randrange(1, 60)))))


def forge_late(post: Post, form: dict[str, str], chance: Random) -> Forgeries:
    """Genuine deliveries, too old or from a time to come."""
    for name, age in (("stale", 301 + chance.random() * 1e6), ("early", -310 - chance.random())):
        yield name, post.deliver(form, chance, age, post.secret)
    genuine = post.deliver(form, chance, 0, post.secret)
    for name, value in (("an older time", "1"), ("no time", ""), ("a word", "now"), ("²", "²")):
        yield name, replace(genuine, headers={**genuine.headers, "svix-timestamp": value})
    yield "another id", replace(genuine, headers={**genuine.headers, "svix-id": "msg_other"})


def forge_elsewhere(post: Post, form: dict[str, str], chance: Random) -> Forgeries:
    """Genuine deliveries, posted to another address."""
    genuine = post.deliver(form, chance, 0, post.secret)
    for url in (
        genuine.url + "2",
        genuine.url + "?message=1",
        genuine.url.replace("https", "http"),
    ):
        yield "posted elsewhere", replace(genuine, url=url)


@pytest.mark.parametrize(
    ("make", "more"), [(twilio, forge_elsewhere), (resend, forge_late)], ids=["twilio", "resend"]
)
def test_no_forged_delivery_is_accepted(
    make: Callable[[], Post], more: Callable[[Post, dict[str, str], Random], Forgeries]
) -> None:
    post, refused = make(), Counter[str]()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(forms, st.integers(0, 2**64))
    def refuse(form: dict[str, str], seed: int) -> None:
        chance = Random(seed)
        for kind in (forge, more):
            for name, request in kind(post, form, chance):
                refused[name] += _is_refused(post, request, name)

    refuse()
    assert refused.total() >= LEAST, refused
    assert min(refused.values()) > 0


def _is_refused(post: Post, request: SignedRequest, name: str) -> bool:
    try:
        receipt: Any = post.verify(request)
    except (BadSignature, UnknownEvent):
        return True
    pytest.fail(f"accepted: {name} ({receipt.kind}): {request.body[:200]!r}")
