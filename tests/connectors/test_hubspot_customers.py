"""HubSpot: finding customers by phone and e-mail, reading their profile, failures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sandbox_world import JULIE, World

from connectors.errors import OutcomeUnknown, Refused, Unavailable
from connectors.ports import Money, Profile


def test_a_customer_is_known_with_all_that_the_crm_says(world: World) -> None:
    assert world.connect("hubspot").find_by_phone(JULIE) == Profile(
        id="101",
        first_name="Julie",
        last_name="Mercier",
        phone=JULIE,
        email="julie.mercier@gmail.com",
        segment="VIP",
        orders=8,
        spent=Money(Decimal("720.00"), "EUR"),
        usual_size="38",
        preferred_channel="sms",
        language="fr",
        consents=("sms", "email"),
    )


@pytest.mark.parametrize(
    "typed",
    [
        "+33645789012",
        "33645789012",
        "0033645789012",
        "0645789012",
        "06 45 78 90 12",
        "06.45.78.90.12",
        "06-45-78-90-12",
        "+33 6 45 78 90 12",
        "+33 (0)6 45 78 90 12",
        "06 45 789 012",
    ],
)
@pytest.mark.parametrize("where", ["phone", "mobilephone"])
def test_a_number_is_found_however_it_was_typed(world: World, typed: str, where: str) -> None:
    def retype(document: dict[str, Any]) -> None:
        document["crm"]["contacts"] = [{"firstname": "Julie", "phone": "01 40 20 50 50"}]
        document["crm"]["contacts"][0][where] = typed

    world.change(retype)
    found = world.connect("hubspot").find_by_phone(JULIE)
    if where == "mobilephone" and typed in UNUSUAL:
        assert found is None  # HubSpot's own normalized number is that of `phone`
    else:
        assert found is not None


# Writings that only HubSpot's calculated property finds.
UNUSUAL = ("+33 (0)6 45 78 90 12", "06 45 789 012")


def test_nobody_is_found_for_a_number_that_nobody_has(world: World) -> None:
    customers = world.connect("hubspot")
    assert customers.find_by_phone("+33600000000") is None
    assert customers.find_by_phone("38080") is None
    assert customers.find_by_phone("Colissimo") is None


def test_the_same_digits_of_another_country_are_another_person(world: World) -> None:
    def move_abroad(document: dict[str, Any]) -> None:
        document["crm"]["contacts"][0]["phone"] = "+32 6 45 78 90 12"

    world.change(move_abroad)
    assert world.connect("hubspot").find_by_phone(JULIE) is None


def test_of_two_contacts_with_one_number_it_is_always_the_older(world: World) -> None:
    twin = {"firstname": "Camille", "phone": "0645789012"}
    world.change(lambda document: document["crm"]["contacts"].append(twin))
    customers = world.connect("hubspot")
    assert {customers.find_by_phone(JULIE).first_name for _ in range(3)} == {"Julie"}


def test_a_customer_is_found_by_email_whatever_its_case(world: World) -> None:
    customers = world.connect("hubspot")
    found = customers.find_by_email(" Julie.MERCIER@gmail.com ")
    assert found is not None
    assert found.id == "101"
    assert customers.find_by_email("nobody@gmail.com") is None


def test_a_profile_is_read_by_its_id(world: World) -> None:
    customers = world.connect("hubspot")
    profile = customers.read_profile("102")
    assert profile is not None
    assert (profile.first_name, profile.phone) == ("Emma", "+33612457896")
    assert (profile.orders, profile.spent, profile.consents) == (None, None, ())
    assert customers.read_profile("999") is None


def test_a_shop_names_its_own_properties(world: World) -> None:
    def rename(document: dict[str, Any]) -> None:
        document["crm"]["contacts"][0] |= {"fidelite": "Or", "ca_total": "1 euro", "nb": "3.0"}

    world.change(rename)
    customers = world.connect("hubspot", segment="fidelite", spent="ca_total", orders="nb")
    profile = customers.find_by_phone(JULIE)
    assert (profile.segment, profile.spent, profile.orders) == ("Or", None, 3)


def test_national_numbers_are_those_of_the_shops_country(world: World) -> None:
    def move_abroad(document: dict[str, Any]) -> None:
        document["crm"]["contacts"][0]["phone"] = "0470 12 34 56"

    world.change(move_abroad)
    assert world.connect("hubspot", country="BE").find_by_phone("+32470123456") is not None
    assert world.connect("hubspot", country="FR").find_by_phone("+32470123456") is None


@pytest.mark.parametrize(
    "failure",
    [{"mode": "down"}, {"mode": "slow", "ms": 500}, {"mode": "timeout_after"}],
    ids=["down", "too slow", "hung up"],
)
def test_a_crm_that_does_not_answer_is_unavailable(world: World, failure: dict[str, Any]) -> None:
    customers = world.connect("hubspot", timeout="0.2")
    for ask in (
        lambda: customers.find_by_phone(JULIE),
        lambda: customers.find_by_email("julie.mercier@gmail.com"),
        lambda: customers.read_profile("101"),
    ):
        world.fail("hubspot", times=1, **failure)
        with pytest.raises(Unavailable) as caught:
            ask()
        assert not isinstance(caught.value, OutcomeUnknown)
    assert world.state()["requests"]["hubspot"] == 3


def test_a_crm_that_nobody_reaches_is_unavailable(world: World) -> None:
    with pytest.raises(Unavailable):
        world.connect("hubspot", base_url="http://127.0.0.1:9").find_by_phone(JULIE)


def test_a_crm_over_quota_says_when_to_come_back(world: World) -> None:
    world.fail("hubspot", "throttled", times=1)
    with pytest.raises(Unavailable) as caught:
        world.connect("hubspot").find_by_phone(JULIE)
    assert caught.value.retry_after == 1.0


def test_a_wrong_token_is_refused(world: World) -> None:
    with pytest.raises(Refused) as caught:
        world.connect("hubspot", access_token="pat-wrong").find_by_phone(JULIE)
    assert caught.value.code == "INVALID_AUTHENTICATION"


def test_errors_do_not_quote_the_customer(world: World) -> None:
    world.fail("hubspot", "down")
    with pytest.raises(Unavailable) as caught:
        world.connect("hubspot").find_by_email("julie.mercier@gmail.com")
    assert "julie" not in str(caught.value).lower()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
