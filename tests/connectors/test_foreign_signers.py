"""What the vendors' own JavaScript SDKs sign is accepted by our verify.

`npm ci` installs them into signers/ when the tests first want them.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sandbox_world import AUTH_TOKEN, JULIE, SHOP_NUMBER, WEBHOOK_SECRET

from connectors.channels import SignedRequest
from connectors.errors import BadSignature
from connectors.resend.channel import Config as ResendConfig
from connectors.resend.channel import ResendChannel
from connectors.twilio.channel import Config as TwilioConfig
from connectors.twilio.channel import TwilioChannel

SIGNERS = Path(__file__).parent / "signers"
INSTALL = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
OFFLINE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")

DOOR = "https://coccinelle.example/webhooks/twilio/1"
MAIL_DOOR = "https://coccinelle.example/webhooks/resend/1"
SMS = {"MessageSid": "SM" + "a" * 32, "From": JULIE, "To": SHOP_NUMBER, "FromCity": ""}
EMAIL_ID = "56761188-7520-42d8-8898-ff6fc54ce618"

Sign = Callable[[dict[str, Any]], dict[str, list[str]]]


@pytest.fixture(scope="session")
def sign() -> Sign:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not on this machine")
    with (SIGNERS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process of pytest may be installing
        _install()

    def ask(asked: dict[str, Any]) -> dict[str, list[str]]:
        done = subprocess.run(
            ["node", "sign.js"],
            cwd=SIGNERS,
            input=json.dumps({"twilio": [], "svix": [], **asked}),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        answer: dict[str, list[str]] = json.loads(done.stdout)
        return answer

    return ask


def _install() -> None:
    wanted, there = SIGNERS / "package-lock.json", SIGNERS / "node_modules/.package-lock.json"
    if there.exists() and there.stat().st_mtime >= wanted.stat().st_mtime:
        return
    done = subprocess.run(
        INSTALL, cwd=SIGNERS, capture_output=True, text=True, timeout=110, check=False
    )
    if done.returncode and any(word in done.stderr for word in OFFLINE):
        pytest.skip("npm reaches no registry")
    assert done.returncode == 0, done.stderr


# --- Twilio ------------------------------------------------------------------------------


@pytest.fixture
def twilio() -> TwilioChannel:
    return TwilioChannel(TwilioConfig(account_sid="AC" + "0" * 32, auth_token=AUTH_TOKEN))


FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "a text with empty fields": (DOOR, {**SMS, "Body": "Vous l'avez en 38 ?", "FromZip": ""}),
    "accents, emoji, signs": (DOOR, {**SMS, "Body": "Été & « +=% » 😊\n\u202f€ c̀\t"}),
    "spaces around": (DOOR, {**SMS, "Body": "  STOP \r\n"}),
    "an address with a query": (f"{DOOR}?message=7&shop=%C3%A9", {**SMS, "Body": "x"}),
    "an address with a port": (DOOR.replace(".example", ".example:8443"), {**SMS, "Body": "x"}),
    "names of every case": (DOOR, {**SMS, "Body": "x", "a": "1", "B": "2", "_": "3", "é": "4"}),
    "a report": (DOOR, {"MessageSid": SMS["MessageSid"], "MessageStatus": "read", "To": JULIE}),
    "an id instead of a number": (
        DOOR,
        {**SMS, "From": "whatsapp:ID.1", "ExternalUserId": "whatsapp:ID.1", "Body": "x"},
    ),
}


def test_what_twilios_javascript_signs_is_accepted(sign: Sign, twilio: TwilioChannel) -> None:
    asked = [{"token": AUTH_TOKEN, "url": url, "fields": form} for url, form in FORMS.values()]
    signatures = sign({"twilio": asked})["twilio"]
    for (url, form), signature in zip(FORMS.values(), signatures, strict=True):
        headers = {"X-Twilio-Signature": signature}
        request = SignedRequest("POST", url, headers, urlencode(form).encode())
        assert twilio.verify(request).provider_id.startswith(SMS["MessageSid"])
        changed = SignedRequest("POST", url, headers, urlencode({**form, "To": "x"}).encode())
        with pytest.raises(BadSignature):
            twilio.verify(changed)


# --- Resend ------------------------------------------------------------------------------


@pytest.fixture
def resend() -> ResendChannel:
    return ResendChannel(ResendConfig(api_key="re_x", webhook_secret=WEBHOOK_SECRET))


def mails() -> list[str]:
    data = {"email_id": EMAIL_ID, "from": "Léa <lea@x.fr>", "to": ["sav@y.fr"]}
    events = [
        {"type": "email.received", "data": {**data, "subject": "Été « 38 » 😊"}},
        {"type": "email.delivered", "data": {**data, "tags": {"message_id": "7"}}},
        {"type": "email.bounced", "data": {**data, "bounce": {"type": "Permanent"}}},
    ]
    spaced = json.dumps(events[0], ensure_ascii=False, indent=2)
    return [json.dumps(e, ensure_ascii=False) for e in events] + [json.dumps(events[0]), spaced]


def test_what_svixs_javascript_signs_is_accepted(sign: Sign, resend: ResendChannel) -> None:
    now = int(time.time())
    asked = [
        {"secret": WEBHOOK_SECRET, "id": f"msg_{n}", "timestamp": now, "body": body}
        for n, body in enumerate(mails())
    ]
    for order, signature in zip(asked, sign({"svix": asked})["svix"], strict=True):
        headers = {
            "svix-id": str(order["id"]),
            "svix-timestamp": str(now),
            "svix-signature": signature,
        }
        body = str(order["body"]).encode()
        assert resend.verify(SignedRequest("POST", MAIL_DOOR, headers, body)).provider_id
        with pytest.raises(BadSignature):
            resend.verify(SignedRequest("POST", MAIL_DOOR, headers, body + b" "))


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((SIGNERS / "package-lock.json").read_text("utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)
