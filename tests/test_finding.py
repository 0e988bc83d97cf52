"""Which product an article is of."""

from __future__ import annotations

from decimal import Decimal

from bot.shop import product_of
from connectors.ports import Money, Product, Variant


def _product(reference: str, *skus: str) -> Product:
    price = Money(Decimal("89.00"), "EUR")
    variants = tuple(Variant(sku, ref=sku, size=None, color=None, price=price) for sku in skus)
    return Product(id=reference, reference=reference, title=reference, variants=variants)


def test_the_catalogue_tells_of_which_product_an_article_is_whatever_its_sku_looks_like() -> None:
    products = [_product("DRESS", "DRESS-38", "DRESS-40"), _product("SS25", "A-B-C-38", "0042")]
    found = {sku: product_of(products, sku) for sku in ("DRESS-40", "A-B-C-38", "0042", "A-B")}
    assert {sku: p.reference if p else None for sku, p in found.items()} == {
        "DRESS-40": "DRESS",
        "A-B-C-38": "SS25",
        "0042": "SS25",
        "A-B": None,
    }
