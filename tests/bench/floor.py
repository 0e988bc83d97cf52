"""The least that a door can do: check the signature, one insert and commit, one enqueue."""

from __future__ import annotations

import json
import os

import resend
from flask import Flask, Response, request
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import create_engine, text
from twilio.request_validator import RequestValidator

from tests.bench.load import MAIL_SECRET, TOKEN

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"])
validator = RequestValidator(TOKEN)
queue = Queue(
    "floor", connection=Redis.from_url(os.environ["REDIS_URL"]), serializer=JSONSerializer
)


@app.post("/floor")
def floor() -> Response:
    signature = request.headers["X-Twilio-Signature"]
    url = os.environ["PUBLIC_URL"] + "/floor"
    if not validator.validate(url, request.form.to_dict(), signature):
        return Response(status=403)
    return keep(request.form["MessageSid"], request.form["Body"])


@app.post("/floor/mail")
def mail_floor() -> Response:
    signed = {name: request.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
    payload = request.get_data(as_text=True)
    options = {"payload": payload, "headers": signed, "webhook_secret": MAIL_SECRET}
    resend.Webhooks.verify(options)  # type: ignore[arg-type]  # a plain dict of theirs
    return keep(json.loads(payload)["data"]["email_id"], payload)


def keep(sid: str, body: str) -> Response:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO floor (sid, body) VALUES (:sid, :body) ON CONFLICT DO NOTHING"),
            {"sid": sid, "body": body},
        )
    queue.enqueue("tests.bench.floor.nothing")
    return Response("<Response/>", mimetype="text/xml")
