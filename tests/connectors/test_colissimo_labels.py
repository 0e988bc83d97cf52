"""Colissimo: return labels, by SLS."""

from __future__ import annotations

import dataclasses
import inspect
import io
import json
import logging
import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import colissimo_world
import pytest
import requests
from colissimo_world import API_KEY, CONTRACT, PASSWORD, SECRETS, LaPoste, Stranger
from pypdf import PdfReader
from sandbox_world import Server

from connectors.colissimo import ColissimoLabels, ColissimoTracking
from connectors.colissimo.client import Config
from connectors.colissimo.labels import read_parts
from connectors.config import secret_names
from connectors.errors import BadConfig, OutcomeUnknown, Refused, Unavailable
from connectors.ports import Label, LabelRequest, LabelSystem, PostalAddress, TrackingSystem
from connectors.registry import load_vendor
from connectors.sandbox.app import create_app

EMMA = PostalAddress(
    "Emma Rousseau", "3 Rue des Carmes", "45000", "Orléans", "FR", "+33612457896", "emma@orange.fr"
)
SHOP = PostalAddress("Élégance Paris", "24 Rue de Rivoli", "75004", "Paris", "FR", "+33139035761")
RETURN = LabelRequest(EMMA, SHOP, Decimal("0.8"), "2847", "RET-2847-1", date(2025, 1, 14))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(create_app(None))
    yield server
    server.stop()


@pytest.fixture
def world(server: Server) -> LaPoste:
    world = LaPoste(server.url, "labels")
    world.replace(colissimo_world.make_document())
    return world


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    stranger = Stranger()
    server = Server(stranger.app)
    stranger.url = server.url
    yield stranger
    server.stop()


def change(**changes: Any) -> LabelRequest:
    """The return, from somebody or to somewhere else."""
    sender = {k.removeprefix("sender_"): v for k, v in changes.items() if k.startswith("sender_")}
    shop = {k.removeprefix("shop_"): v for k, v in changes.items() if k.startswith("shop_")}
    rest = {k: v for k, v in changes.items() if not k.startswith(("sender_", "shop_"))}
    return dataclasses.replace(
        RETURN,
        sender=dataclasses.replace(EMMA, **sender),
        addressee=dataclasses.replace(SHOP, **shop),
        **rest,
    )


def make(world: LaPoste, request: LabelRequest = RETURN, **settings: str) -> Any:
    labelling = world.labelling(**settings)
    return labelling.make_label(labelling.prepare_label(request))


@pytest.mark.parametrize(
    ("protocol", "made"), [(TrackingSystem, ColissimoTracking), (LabelSystem, ColissimoLabels)]
)
def test_a_port_is_implemented_as_it_is_written(protocol: type[Any], made: type[Any]) -> None:
    assert made in load_vendor("colissimo").ports.values()
    for name, promised in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            kept = inspect.signature(getattr(made, name))
            assert list(kept.parameters) == list(inspect.signature(promised).parameters)


# --- the request -------------------------------------------------------------------------


def test_a_return_is_prepared_as_la_poste_wants_it(world: LaPoste) -> None:
    prepared = world.labelling(commercial_name="Élégance").prepare_label(RETURN)
    assert prepared == {
        "outputFormat": {"x": 0, "y": 0, "outputPrintingType": "PDF_A4_300dpi"},
        "letter": {
            "service": {
                "productCode": "CORE",
                "depositDate": "2025-01-14",
                "orderNumber": "2847",
                "commercialName": "Élégance",
                "returnTypeChoice": 3,
            },
            "parcel": {"weight": 0.8},
            "sender": {
                "senderParcelRef": "RET-2847-1",
                "address": {
                    "firstName": "Emma",
                    "lastName": "Rousseau",
                    "line2": "3 Rue des Carmes",
                    "countryCode": "FR",
                    "city": "Orléans",
                    "zipCode": "45000",
                    "email": "emma@orange.fr",
                    "mobileNumber": "+33612457896",
                },
            },
            "addressee": {
                "addresseeParcelRef": "RET-2847-1",
                "codeBarForReference": "true",
                "address": {
                    "companyName": "Élégance Paris",
                    "line2": "24 Rue de Rivoli",
                    "countryCode": "FR",
                    "city": "Paris",
                    "zipCode": "75004",
                    "phoneNumber": "+33139035761",
                },
            },
        },
    }


def test_a_prepared_request_has_no_secret_survives_json_and_asks_nothing(world: LaPoste) -> None:
    labelling = world.labelling(api_key=API_KEY)
    prepared = labelling.prepare_label(RETURN)
    written = json.dumps(prepared)
    assert not any(secret in written for secret in (*SECRETS, CONTRACT))
    assert world.state()["requests"] == {}
    assert labelling.make_label(json.loads(written)).parcel_number


def test_the_name_on_the_label_is_the_shops_when_no_other_is_set(world: LaPoste) -> None:
    service = world.labelling().prepare_label(RETURN)["letter"]["service"]
    assert service["commercialName"] == "Élégance Paris"


@pytest.mark.parametrize(
    ("sender", "shop", "product"),
    [("FR", "FR", "CORE"), ("BE", "FR", "CORI"), ("FR", "BE", "CORI"), ("BE", "BE", "CORI")],
)
def test_a_return_from_abroad_is_another_product(
    world: LaPoste, sender: str, shop: str, product: str
) -> None:
    request = change(sender_country=sender, shop_country=shop)
    assert world.labelling().prepare_label(request)["letter"]["service"]["productCode"] == product
    assert make(world, request).parcel_number


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Emma Rousseau", {"firstName": "Emma", "lastName": "Rousseau"}),
        ("  Emma   de La Tour ", {"firstName": "Emma", "lastName": "de La Tour"}),
        ("Emma", {"lastName": "Emma"}),
        ("E " + "x" * 80, {"firstName": "E", "lastName": "x" * 35}),
    ],
)
def test_a_customers_name_is_split(world: LaPoste, name: str, written: dict[str, str]) -> None:
    prepared = world.labelling().prepare_label(change(sender_name=name))
    address = prepared["letter"]["sender"]["address"]
    assert {k: address[k] for k in ("firstName", "lastName") if k in address} == written


def test_a_long_street_takes_two_lines_and_no_third(world: LaPoste) -> None:
    street = "Résidence des Grands Boulevards, bâtiment C, 3 Rue des Carmes"
    prepared = world.labelling().prepare_label(change(sender_street=street))
    address = prepared["letter"]["sender"]["address"]
    assert f"{address['line2']} {address['line3']}" == street
    assert len(address["line2"]) <= 35
    with pytest.raises(Refused) as caught:
        world.labelling().prepare_label(change(sender_street=f"{street}, {street}"))
    assert caught.value.code == "address"
    assert "Carmes" not in str(caught.value)


@pytest.mark.parametrize("phone", ["", "no number", "+"])
def test_a_phone_that_is_none_is_left_out(world: LaPoste, phone: str) -> None:
    prepared = world.labelling().prepare_label(change(sender_phone=phone))
    assert not {"mobileNumber", "phoneNumber"} & set(prepared["letter"]["sender"]["address"])


# --- the label ---------------------------------------------------------------------------


def test_a_label_is_a_readable_pdf_with_a_number_that_can_be_followed(world: LaPoste) -> None:
    label = make(world)
    assert label.content_type == "application/pdf"
    (page,) = PdfReader(io.BytesIO(label.content), strict=True).pages
    text = page.extract_text()
    told = [label.parcel_number, "Commande 2847", "RET-2847-1", "Emma Rousseau", "Élégance Paris"]
    for part in (*told, "45000 Orléans", "75004 Paris"):
        assert part in text
    assert world.tracking().track(label.parcel_number).status == "announced"


def test_each_label_is_another_one_and_is_counted_since_a_mark(world: LaPoste) -> None:
    mark, made = world.labels()
    assert (mark, made) == (0, [])
    first = make(world)
    mark, made = world.labels()
    assert [label["parcel_number"] for label in made] == [first.parcel_number]
    second = make(world)
    assert second.parcel_number != first.parcel_number
    mark, made = world.labels(mark)
    assert mark == 2
    (label,) = made
    assert label["parcel_number"] == second.parcel_number
    assert (label["order_number"], label["reference"]) == ("2847", "RET-2847-1")
    assert (label["product"], label["deposit_on"]) == ("CORE", "2025-01-14")


def test_a_world_that_is_replaced_has_no_labels(world: LaPoste) -> None:
    make(world)
    world.replace(colissimo_world.make_document())
    assert world.labels() == (0, [])


# --- who may -----------------------------------------------------------------------------


def test_an_api_key_goes_instead_of_contract_and_password(world: LaPoste) -> None:
    assert make(world, api_key=API_KEY, contract_number="", password="").parcel_number
    assert make(world, api_key=API_KEY, password="wrong").parcel_number


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"contract_number": "1"}, {"api_key": "wrong"}], ids=str
)
def test_a_wrong_secret_is_refused_for_good(world: LaPoste, wrong: dict[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        make(world, **wrong)
    assert caught.value.code == "30000"
    assert world.labels() == (0, [])


def test_without_a_contract_there_are_no_labels_and_tracking_goes_on(world: LaPoste) -> None:
    for missing in ({"password": ""}, {"contract_number": ""}):
        with pytest.raises(BadConfig, match="api_key"):
            world.labelling(**missing)
        assert world.tracking(**missing).track(colissimo_world.PARCEL)


def test_secrets_are_neither_shown_nor_logged(
    world: LaPoste, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert secret_names(Config) == {"okapi_key", "password", "api_key"}
    make(world, api_key=API_KEY)
    world.fail("colissimo", "down")
    with pytest.raises(Unavailable) as caught:
        make(world)
    told = f"{caplog.text} {caught.value!r} {world.config(api_key=API_KEY)!r}"
    assert not any(secret in told for secret in SECRETS)
    assert "Rousseau" not in told


# --- refusals and failures ---------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        change(sender_postal_code="4500"),
        change(shop_postal_code="Paris"),
        change(sender_street=""),
        change(sender_city=""),
        change(sender_name=""),
        change(weight_kg=Decimal(0)),
        change(weight_kg=Decimal(31)),
    ],
    ids=lambda request: str(request)[-60:],
)
def test_what_la_poste_does_not_take_is_refused_with_its_number(
    world: LaPoste, request_: LabelRequest
) -> None:
    with pytest.raises(Refused) as caught:
        make(world, request_)
    assert caught.value.code.isdigit()
    assert len(caught.value.code) == 5
    # La Poste's sentence quotes the address: it stays there
    assert str(caught.value) == f"colissimo: HTTP 400, {caught.value.code}"
    assert world.labels() == (0, [])


@pytest.mark.parametrize("mode", ["down", "throttled"])
def test_a_request_that_was_turned_away_may_be_made_again(world: LaPoste, mode: str) -> None:
    world.fail("colissimo", mode)
    with pytest.raises(Unavailable) as caught:
        make(world)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert world.labels() == (0, [])


def test_a_host_that_nobody_reaches_took_nothing(world: LaPoste) -> None:
    with pytest.raises(Unavailable) as caught:
        make(world, labels_url="http://127.0.0.1:9")
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize(
    "failure",
    [
        {"mode": "timeout_after"},
        {"mode": "timeout_after", "ms": 600},
        {"mode": "slow", "ms": 600},
    ],
    ids=["hung up", "answered too late", "slow"],
)
def test_a_label_whose_answer_does_not_come_is_asked_for_once(
    world: LaPoste, failure: dict[str, Any]
) -> None:
    world.fail("colissimo", **failure)
    with pytest.raises(OutcomeUnknown):
        make(world, labels_timeout="0.2")
    assert world.state()["operations"] == {"colissimo.generateLabel": 1}


def test_a_timeout_after_la_poste_took_it_has_franked_one_label(world: LaPoste) -> None:
    world.fail("colissimo", "timeout_after")
    with pytest.raises(OutcomeUnknown):
        make(world)
    mark, _ = world.labels()
    assert mark == 1


def test_a_failure_that_la_poste_tells_itself_has_franked_none(world: LaPoste) -> None:
    world.fail("colissimo", "failed_attempt")
    with pytest.raises(Refused):
        make(world)
    assert world.labels() == (0, [])


# --- what La Poste may answer ------------------------------------------------------------

PDF = b"%PDF-1.4 label"
DONE = {"messages": [{"id": "0", "type": "INFOS"}], "labelV2Response": {"parcelNumber": "8R1"}}
ERROR = {"messages": [{"id": "30204", "type": "ERROR", "messageContent": "45000 Rousseau"}]}


def pack(infos: Any, *parts: tuple[str, bytes], boundary: str = "uuid:1-2") -> bytes:
    body = b""
    named = [("jsonInfos", infos if isinstance(infos, bytes) else json.dumps(infos).encode())]
    for name, content in (*named, *parts):
        head = f"--{boundary}\r\nContent-Type: application/octet-stream\r\n"
        head += f"Content-Transfer-Encoding: binary\r\nContent-ID: <{name}>\r\n\r\n"
        body += head.encode() + content + b"\r\n"
    return body + f"--{boundary}--".encode()


def ask(stranger: Stranger) -> Any:
    config = Config("x", "1", "p", labels_url=stranger.url, labels_timeout="2")
    labelling = ColissimoLabels(config)
    return labelling.make_label(labelling.prepare_label(RETURN))


@pytest.mark.parametrize(
    "content_type",
    ["multipart/related", 'multipart/related; boundary="another"', "application/json", ""],
)
def test_parts_are_told_apart_by_the_bodys_own_boundary(
    stranger: Stranger, content_type: str
) -> None:
    stranger.tell(pack(DONE, ("label", PDF), ("cn23", b"x")), content_type=content_type or "x/y")
    assert ask(stranger) == Label("8R1", PDF, "application/pdf")
    assert stranger.asked[-1] == "sls-ws/SlsServiceWSRest/2.0/generateLabel"


def test_any_bytes_come_through_a_multipart_answer_unchanged() -> None:
    chance = random.Random(7)
    for size in (0, 1, 100, 70_000):
        content = chance.randbytes(size) + b"\r\n--uuid\n--\r\r\n\x0b\x0c\x1c\x85\n\n"
        parts = read_parts(pack(DONE, ("label", content)))
        assert parts["<label>"] == content
        assert json.loads(parts["<jsonInfos>"]) == DONE


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_a_refusal_that_says_why_is_final(stranger: Stranger, status: int) -> None:
    for body in (pack(ERROR), json.dumps(ERROR).encode()):
        stranger.tell(body, status)
        with pytest.raises(Refused) as caught:
            ask(stranger)
        assert caught.value.code == "30204"
        assert "Rousseau" not in str(caught.value)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 415])
def test_a_refusal_without_a_word_is_final_too(stranger: Stranger, status: int) -> None:
    stranger.tell(b"<html>--no</html>", status, "text/html")
    with pytest.raises(Refused) as caught:
        ask(stranger)
    assert caught.value.code == str(status)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>", 500),
        (b"", 502),
        (b"", 504),
        (b"", 200),
        (b"--x", 200),
        (b"--\r\n\r\n----", 200),
        (pack(DONE), 200),
        (pack(b"{", ("label", PDF)), 200),
        (pack({"messages": "x", "labelV2Response": "x"}, ("label", PDF)), 200),
        (pack({"messages": [7], "labelV2Response": {}}, ("label", PDF)), 200),
        (pack([], ("label", PDF)), 200),
    ],
)
def test_an_answer_that_may_hide_a_franked_label_is_an_unknown_outcome(
    stranger: Stranger, body: bytes, status: int
) -> None:
    stranger.tell(body, status, "multipart/related")
    with pytest.raises(OutcomeUnknown):
        ask(stranger)


def test_a_redirect_does_not_carry_the_password_elsewhere(stranger: Stranger) -> None:
    stranger.asked.clear()
    stranger.tell(b"", 307)
    with pytest.raises(Refused):
        ask(stranger)
    assert len(stranger.asked) == 1


# --- the sandbox by hand -----------------------------------------------------------------


def post(world: LaPoste, **asked: Any) -> requests.Response:
    url = f"{world.vendor_url('colissimo')}/sls-ws/SlsServiceWSRest/2.0/generateLabel"
    return requests.post(url, timeout=5, **asked)


def test_the_sandbox_answers_a_multipart_as_la_poste_does(world: LaPoste) -> None:
    secrets = {"contractNumber": CONTRACT, "password": PASSWORD}
    answer = post(world, json=world.labelling().prepare_label(RETURN) | secrets)
    assert answer.headers["Content-Type"].startswith("multipart/related;")
    parts = read_parts(answer.content)
    assert list(parts) == ["<jsonInfos>", "<label>"]
    infos = json.loads(parts["<jsonInfos>"])
    assert infos["messages"][0]["id"] == "0"
    assert infos["labelV2Response"]["parcelNumber"].encode() in parts["<label>"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'{"letter": 7}'], ids=repr)
def test_the_sandbox_refuses_what_is_no_request(world: LaPoste, body: bytes) -> None:
    headers = {"apiKey": API_KEY, "Content-Type": "application/json"}
    answer = post(world, data=body, headers=headers)
    assert answer.status_code == 400
    assert json.loads(read_parts(answer.content)["<jsonInfos>"])["messages"][0]["type"] == "ERROR"


@pytest.mark.parametrize("letter", [{"service": 7}, {"service": {"productCode": []}}], ids=str)
def test_the_sandbox_refuses_odd_letters(world: LaPoste, letter: dict[str, Any]) -> None:
    answer = post(world, json={"letter": letter}, headers={"apiKey": API_KEY})
    assert answer.status_code == 400
