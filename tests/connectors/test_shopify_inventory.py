"""Shopify: the catalogue, stock, holds and their release, tokens, failures."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from sandbox_world import World, wait_until

from connectors.config import build_config
from connectors.errors import (
    BadConfig,
    NeedsNewKey,
    OutcomeUnknown,
    Refused,
    Stale,
    Unavailable,
)
from connectors.ports import Money, Move, Stock, Variant
from connectors.shopify.catalogue import find_reference, read_product, search_words
from connectors.shopify.client import Config
from connectors.shopify.inventory import ShopifyInventory

GRANT = {"access_token": "", "client_id": "app-1", "client_secret": "app-secret"}


class Naps:
    """A sleep that does not, and remembers."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def open_inventory(world: World, **more: Any) -> ShopifyInventory:
    """With a clock or a sleep of the test's own."""
    values = {"shop": "elegance-paris", "access_token": "shpat_permanent"}
    values |= {"base_url": world.vendor_url("shopify"), **more.pop("settings", {})}
    return ShopifyInventory(build_config(Config, values), **more)


def find_variant(inventory: ShopifyInventory, sku: str) -> Variant:
    variants = (v for p in inventory.list_products() for v in p.variants)
    return next(v for v in variants if v.sku == sku)


def hold(
    variant: Variant, expected: int | None = None, reference: str = "42", quantity: int = 1
) -> Move:
    return Move("hold", variant.sku, variant.ref, quantity, reference, expected)


def release(variant: Variant, reference: str = "42", quantity: int = 1) -> Move:
    return Move("release", variant.sku, variant.ref, quantity, reference)


# --- the catalogue -----------------------------------------------------------------------


def test_a_product_is_read_with_what_the_shop_says_of_it(world: World) -> None:
    products = {p.reference: p for p in world.connect("shopify").list_products()}
    dress = products["RF-2847"]
    assert dress.title == "Robe Fleurie Bleue"
    assert dress.category == "robes"
    assert dress.colors == ("bleu",)
    assert (dress.material, dress.care) == ("viscose", "30 °C")
    assert dress.goes_with == ("BL-445", "BO-019")
    assert dress.image_url == "https://cdn.example/rf-2847.jpg"
    assert dress.sizes == ("36", "38", "40", "42")
    assert dress.price == Money(Decimal("89.00"), "EUR")
    earrings = products["BO-019"]
    assert earrings.one_size
    assert earrings.image_url == ""


def test_a_catalogue_of_many_pages_and_many_sizes_is_read_whole(world: World) -> None:
    def fill(document: dict[str, Any]) -> None:
        document["shop"]["products"] = [
            {
                "title": f"Produit {n}",
                "price": "10",
                "variants": [{"sku": f"P{n}-{size}", "size": str(size)} for size in range(33)],
            }
            for n in range(17)
        ]

    world.change(fill)
    products = world.connect("shopify").list_products()
    assert [p.reference for p in products] == [f"P{n}" for n in range(17)]
    assert {len(p.variants) for p in products} == {33}


def test_a_product_that_is_not_on_sale_is_not_listed(world: World) -> None:
    world.change(lambda document: document["shop"]["products"][0].update(status="DRAFT"))
    references = [p.reference for p in world.connect("shopify").list_products()]
    assert references == ["RB-118", "BO-019"]


@pytest.mark.parametrize(
    ("words", "references"),
    [
        ("robe", ["RF-2847", "RB-118"]),
        ("robe bordeaux", ["RB-118"]),
        ("dorees", ["BO-019"]),
        ("RF-2847", ["RF-2847"]),
        ('robe:" (OR) -fleurie', ["RF-2847"]),
        ("pantalon", []),
    ],
)
def test_products_are_searched_by_every_word(
    world: World, words: str, references: list[str]
) -> None:
    found = world.connect("shopify").search_products(words)
    assert [p.reference for p in found] == references


def test_a_search_stops_at_its_limit(world: World) -> None:
    assert len(world.connect("shopify").search_products("robe", limit=1)) == 1


@pytest.mark.parametrize(
    ("skus", "reference"),
    [
        (["RF-2847-38", "RF-2847-40"], "RF-2847"),
        (["SB-133"], "SB-133"),
        (["TS-1-BLEU-38", "TS-1-ROUGE-38"], "TS-1"),
        (["A38", "B40"], "A38"),
        ([], ""),
    ],
)
def test_the_reference_is_what_the_skus_share(skus: list[str], reference: str) -> None:
    assert find_reference(skus) == reference


@pytest.mark.parametrize(
    ("value", "goes_with"),
    [
        ("BL-445, BO-019", ("BL-445", "BO-019")),
        ('["BL-445", "BO-019"]', ("BL-445", "BO-019")),
        ("[broken", ()),
        (None, ()),
    ],
)
def test_what_goes_with_a_product_is_a_list_however_it_was_typed(
    value: str | None, goes_with: tuple[str, ...]
) -> None:
    node = product_node(goesWith={"value": value} if value else None)
    assert read_product(node, "EUR").goes_with == goes_with


@pytest.mark.parametrize("name", ["Taille", "size", "TAILLE "])
def test_options_are_known_by_french_and_english_names(name: str) -> None:
    options = [{"name": name, "value": "38"}, {"name": "Colour", "value": "bleu"}]
    (variant,) = read_product(product_node(options=options), "EUR").variants
    assert (variant.size, variant.color) == ("38", "bleu")


def test_a_variant_without_sku_is_left_out() -> None:
    assert read_product(product_node(sku=None), "EUR").variants == ()


def product_node(
    *, sku: str | None = "X-1", options: list[dict[str, str]] | None = None, **more: Any
) -> dict[str, Any]:
    """A product as Shopify answers it."""
    variant = {
        "sku": sku,
        "price": "10.00",
        "selectedOptions": options or [{"name": "Title", "value": "Default Title"}],
        "inventoryItem": {"id": "gid://shopify/InventoryItem/1"},
    }
    node = {"id": "gid://shopify/Product/1", "title": "X", "productType": ""}
    rest: dict[str, Any] = dict.fromkeys(("featuredMedia", "material", "care", "goesWith"))
    return {**node, **rest, "variants": {"nodes": [variant]}, **more}


def test_what_shopify_would_take_for_syntax_is_dropped_from_a_search() -> None:
    assert search_words('title:"Robe" OR -RF-2847*') == "status:active title robe rf-2847"


# --- stock, holds, releases --------------------------------------------------------------


def test_stock_is_read_by_state(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RB-118-40")
    expected = Stock("RB-118-40", available=1, reserved=0, committed=2, on_hand=3)
    assert inventory.read_stock([variant]) == {"RB-118-40": expected}


def test_an_article_that_shopify_deleted_is_left_out_of_the_stock(world: World) -> None:
    inventory = world.connect("shopify")
    known = find_variant(inventory, "BO-019")
    gone = Variant("X", "gid://shopify/InventoryItem/1", None, None, Money(Decimal(1), "EUR"))
    assert list(inventory.read_stock([gone, known])) == ["BO-019"]


def test_another_location_has_its_own_stock(world: World) -> None:
    inventory = world.connect("shopify", location_id="999")
    stock = inventory.read_stock([find_variant(inventory, "BO-019")])
    assert stock == {"BO-019": Stock("BO-019", available=0)}


def test_a_hold_and_its_release_move_units_between_states(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    answer = inventory.send_move(inventory.prepare_move(hold(variant, expected=2)), "key-1")
    assert answer["reason"] == "reservation_created"
    assert world.stock("RF-2847-38") == stock_of(1, 1)
    inventory.send_move(inventory.prepare_move(release(variant)), "key-2")
    assert world.stock("RF-2847-38") == stock_of(2, 0)


def stock_of(available: int, reserved: int) -> dict[str, int]:
    on_hand = available + reserved
    return {"available": available, "reserved": reserved, "committed": 0, "on_hand": on_hand}


def test_both_sides_say_what_to_compare_and_only_ours_has_a_document(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    request = inventory.prepare_move(hold(variant, expected=2, reference="a/b 1"))
    given = request["variables"]["input"]
    (change,) = given["changes"]
    assert change["from"]["changeFromQuantity"] == 2
    assert change["to"]["changeFromQuantity"] is None
    assert "ledgerDocumentUri" not in change["from"]
    assert change["to"]["ledgerDocumentUri"] == "gid://coccinelle/Reservation/a%2Fb%201"
    assert given["referenceDocumentUri"] == "gid://coccinelle/Reservation/a%2Fb%201"


def test_the_same_request_and_key_happen_once(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    request = inventory.prepare_move(hold(variant, expected=2))
    first = inventory.send_move(request, "key-1")
    assert inventory.send_move(request, "key-1") == first
    assert world.stock("RF-2847-38") == stock_of(1, 1)


def test_a_prepared_request_survives_being_kept_as_json(world: World) -> None:
    inventory = world.connect("shopify")
    request = inventory.prepare_move(hold(find_variant(inventory, "RF-2847-38"), expected=2))
    inventory.send_move(json.loads(json.dumps(request)), "key-1")
    assert inventory.send_move(request, "key-1")["id"]
    assert world.stock("RF-2847-38") == stock_of(1, 1)


def test_a_stale_compare_does_nothing_and_says_so(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    request = inventory.prepare_move(hold(variant, expected=2))
    world.set_stock({"RF-2847-38": 1})
    with pytest.raises(Stale):
        inventory.send_move(request, "key-1")
    assert world.stock("RF-2847-38") == stock_of(1, 0)


def test_a_key_cannot_be_used_for_another_request(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    inventory.send_move(inventory.prepare_move(hold(variant, expected=2)), "key-1")
    with pytest.raises(Refused) as caught:
        inventory.send_move(inventory.prepare_move(hold(variant, expected=1)), "key-1")
    assert caught.value.code == "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"
    assert world.stock("RF-2847-38") == stock_of(1, 1)


def test_more_than_was_put_aside_cannot_be_released(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    inventory.send_move(inventory.prepare_move(hold(variant, reference="1")), "key-1")
    with pytest.raises(Refused) as caught:
        inventory.send_move(inventory.prepare_move(release(variant, reference="2")), "key-2")
    assert caught.value.code == "INVALID_QUANTITY_NEGATIVE"


def test_an_article_that_is_gone_cannot_be_held(world: World) -> None:
    inventory = world.connect("shopify")
    request = inventory.prepare_move(Move("hold", "X", "gid://shopify/InventoryItem/1", 1, "1"))
    with pytest.raises(Refused) as caught:
        inventory.send_move(request, "key-1")
    assert caught.value.code == "INVALID_INVENTORY_ITEM"


def test_a_unit_sold_at_the_till_may_leave_available_below_zero(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-36")
    inventory.send_move(inventory.prepare_move(hold(variant, expected=1)), "key-1")
    world.set_stock({"RF-2847-36": -1})
    assert inventory.read_stock([variant])["RF-2847-36"] == Stock("RF-2847-36", -1, 1, 0, 0)
    inventory.send_move(inventory.prepare_move(release(variant)), "key-2")
    assert world.stock("RF-2847-36") == stock_of(0, 0)


def test_on_hand_is_the_sum_of_the_others_under_fifty_moves_at_once(world: World) -> None:
    world.set_stock({"BO-019": 30})
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "BO-019")
    sums: list[bool] = []

    def move(n: int) -> None:
        request = inventory.prepare_move(hold(variant, reference=str(n)))
        inventory.send_move(request, f"hold-{n}")
        stock = inventory.read_stock([variant])["BO-019"]
        sums.append(stock.on_hand == stock.available + stock.reserved + stock.committed == 30)
        if n % 2:
            back = inventory.prepare_move(release(variant, reference=str(n)))
            inventory.send_move(back, f"release-{n}")

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(move, range(50)))
    assert sums == [True] * 50
    assert world.stock("BO-019") == stock_of(5, 25)


def test_of_two_who_want_the_last_one_only_one_gets_it(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-36")
    outcomes: list[str] = []

    def take(n: int) -> None:
        request = inventory.prepare_move(hold(variant, expected=1, reference=str(n)))
        try:
            inventory.send_move(request, f"key-{n}")
            outcomes.append("held")
        except Stale:
            outcomes.append("stale")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(take, range(8)))
    assert sorted(outcomes) == ["held"] + ["stale"] * 7
    assert world.stock("RF-2847-36") == stock_of(0, 1)


# --- failures ----------------------------------------------------------------------------


def test_a_throttled_request_waits_as_it_is_told_and_goes_through(world: World) -> None:
    naps = Naps()
    world.fail("shopify", "throttled", times=2)
    assert len(open_inventory(world, sleep=naps).list_products()) == 3
    assert len(naps.taken) == 2
    assert all(0 < nap <= 1 for nap in naps.taken)


def test_a_shop_that_stays_throttled_is_unavailable(world: World) -> None:
    naps = Naps()
    world.fail("shopify", "throttled")
    with pytest.raises(Unavailable) as caught:
        open_inventory(world, sleep=naps).list_products()
    assert caught.value.retry_after is not None
    assert sum(naps.taken) <= 5


def test_a_shop_with_a_small_quota_is_waited_for(world: World) -> None:
    quota = {"maximum": 520, "restore": 500}
    world.change(lambda document: document["shop"].update(rate=quota))
    naps = Naps()
    inventory = open_inventory(world, sleep=lambda seconds: (naps(seconds), time.sleep(seconds)))
    for _ in range(8):
        assert len(inventory.list_products()) == 3
    assert naps.taken


def test_a_query_that_finds_the_shop_down_may_be_asked_again(world: World) -> None:
    inventory = world.connect("shopify")
    for failure in ({"mode": "down"}, {"mode": "timeout_after"}):
        world.fail("shopify", times=1, **failure)
        with pytest.raises(Unavailable) as caught:
            inventory.list_products()
        assert not isinstance(caught.value, OutcomeUnknown)
    assert inventory.list_products()


def test_a_query_that_gets_no_answer_in_time_is_unavailable(world: World) -> None:
    world.fail("shopify", "slow", ms=500, times=1)
    with pytest.raises(Unavailable) as caught:
        world.connect("shopify", timeout="0.2").list_products()
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize(
    "failure",
    [{"mode": "timeout_after"}, {"mode": "timeout_after", "ms": 500}],
    ids=["hung up", "no answer in time"],
)
def test_a_move_without_an_answer_is_sent_again_and_happens_once(
    world: World, failure: dict[str, Any]
) -> None:
    inventory = world.connect("shopify", timeout="0.2")
    variant = find_variant(inventory, "RF-2847-38")
    request = inventory.prepare_move(hold(variant, expected=2))
    world.fail("shopify", times=1, operation="inventoryMoveQuantities", **failure)
    with pytest.raises(OutcomeUnknown):
        inventory.send_move(request, "key-1")
    assert world.stock("RF-2847-38") == stock_of(1, 1)
    inventory.send_move(request, "key-1")
    assert world.stock("RF-2847-38") == stock_of(1, 1)


def test_a_move_answered_503_is_unknown_and_may_be_sent_again(world: World) -> None:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    request = inventory.prepare_move(hold(variant, expected=2))
    world.fail("shopify", "down", times=1)
    with pytest.raises(OutcomeUnknown):
        inventory.send_move(request, "key-1")
    inventory.send_move(request, "key-1")
    assert world.stock("RF-2847-38") == stock_of(1, 1)


def test_a_shop_that_nobody_reaches_did_nothing(world: World) -> None:
    inventory = world.connect("shopify")
    request = inventory.prepare_move(hold(find_variant(inventory, "RF-2847-38")))
    nowhere = world.connect("shopify", base_url="http://127.0.0.1:9")
    with pytest.raises(Unavailable) as caught:
        nowhere.send_move(request, "key-1")
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_request_that_still_runs_is_waited_for(world: World) -> None:
    variant, request = prepare_hold(world)
    world.fail("shopify", "slow", ms=400, times=1, operation="inventoryMoveQuantities")
    first = threading.Thread(target=lambda: world.connect("shopify").send_move(request, "key-1"))
    first.start()
    wait_for_operation(world, "shopify.inventoryMoveQuantities", 1)
    answer = world.connect("shopify").send_move(request, "key-1")
    first.join()
    assert answer["reason"] == "reservation_created"
    assert world.stock(variant.sku) == stock_of(1, 1)


def test_a_request_that_runs_for_too_long_is_unknown(world: World) -> None:
    _, request = prepare_hold(world)
    world.fail("shopify", "slow", ms=600, times=1, operation="inventoryMoveQuantities")
    first = threading.Thread(target=lambda: world.connect("shopify").send_move(request, "key-1"))
    first.start()
    wait_for_operation(world, "shopify.inventoryMoveQuantities", 1)
    naps = Naps()
    with pytest.raises(OutcomeUnknown) as caught:
        open_inventory(world, sleep=naps).send_move(request, "key-1")
    first.join()
    assert caught.value.code == "IDEMPOTENCY_CONCURRENT_REQUEST"
    assert len(naps.taken) == 3


def prepare_hold(world: World) -> tuple[Variant, dict[str, Any]]:
    inventory = world.connect("shopify")
    variant = find_variant(inventory, "RF-2847-38")
    return variant, inventory.prepare_move(hold(variant, expected=2))


def wait_for_operation(world: World, operation: str, times: int) -> None:
    wait_until(lambda: world.state()["operations"].get(operation, 0) >= times)


def test_a_key_spent_on_a_failed_attempt_asks_for_a_new_one(world: World) -> None:
    variant, request = prepare_hold(world)
    inventory = world.connect("shopify")
    world.fail("shopify", "failed_attempt", times=1, operation="inventoryMoveQuantities")
    with pytest.raises(OutcomeUnknown):
        inventory.send_move(request, "key-1")
    with pytest.raises(NeedsNewKey):
        inventory.send_move(request, "key-1")
    inventory.send_move(request, "key-2")
    assert world.stock(variant.sku) == stock_of(1, 1)


# --- tokens ------------------------------------------------------------------------------


def test_a_wrong_permanent_token_is_refused(world: World) -> None:
    with pytest.raises(Refused) as caught:
        world.connect("shopify", access_token="shpat_wrong").list_products()
    assert caught.value.code == "401"


def test_a_granted_token_is_asked_for_once_by_many_threads(world: World) -> None:
    inventory = world.connect("shopify", **GRANT)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: len(inventory.list_products()), range(16)))
    assert found == [3] * 16
    assert world.state()["operations"]["shopify.token"] == 1


def test_a_granted_token_is_renewed_before_its_day_is_over(world: World) -> None:
    clock = [1000.0]
    inventory = open_inventory(world, now=lambda: clock[0], settings=GRANT)
    for hours, tokens in ((0, 1), (23, 1), (23.95, 2)):
        clock[0] = 1000.0 + hours * 3600
        inventory.list_products()
        assert world.state()["operations"]["shopify.token"] == tokens


def test_a_token_that_is_refused_is_renewed_once(world: World) -> None:
    inventory = world.connect("shopify", **GRANT)
    inventory.list_products()
    world.fail("shopify", "unauthorized", times=1, operation="products")
    assert len(inventory.list_products()) == 3
    assert world.state()["operations"]["shopify.token"] == 2
    world.fail("shopify", "unauthorized", operation="products")
    with pytest.raises(Refused) as caught:
        inventory.list_products()
    assert caught.value.code == "401"


def test_a_move_with_an_old_token_happens_once(world: World) -> None:
    inventory = world.connect("shopify", **GRANT)
    variant = find_variant(inventory, "RF-2847-38")
    request = inventory.prepare_move(hold(variant, expected=2))
    world.fail("shopify", "unauthorized", times=1, operation="inventoryMoveQuantities")
    inventory.send_move(request, "key-1")
    assert world.stock("RF-2847-38") == stock_of(1, 1)


@pytest.mark.parametrize(
    ("prepare", "kind"),
    [
        (lambda world: world.fail("shopify", "down", operation="token"), Unavailable),
        (lambda world: world.fail("shopify", "throttled", operation="token"), Unavailable),
        (lambda world: world.fail("shopify", "timeout_after", operation="token"), Unavailable),
        (lambda world: world.fail("shopify", "unauthorized", operation="token"), Refused),
    ],
    ids=["down", "throttled", "hung up", "unknown client"],
)
def test_a_token_that_cannot_be_had_leaves_nothing_done(
    world: World, prepare: Callable[[World], None], kind: type[Exception]
) -> None:
    _, request = prepare_hold(world)
    inventory = world.connect("shopify", **GRANT)
    prepare(world)
    with pytest.raises(kind) as caught:
        inventory.send_move(request, "key-1")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert world.stock("RF-2847-38") == stock_of(2, 0)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"shop": "", "access_token": "x"}, "shop"),
        ({"shop": "x"}, "access_token"),
        ({"shop": "x", "client_id": "only"}, "access_token"),
        ({"shop": "x", "access_token": "x", "timeout": "soon"}, "timeout"),
        ({"shop": "x", "access_token": "x", "timeout": "0"}, "timeout"),
    ],
)
def test_settings_that_cannot_work_are_named(settings: dict[str, str], name: str) -> None:
    with pytest.raises(BadConfig, match=name):
        ShopifyInventory(build_config(Config, settings))
