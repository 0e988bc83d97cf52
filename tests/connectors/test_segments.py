"""How a text travels by SMS, counted by the product and by the carrier of the sandbox."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.sandbox import segments as carrier
from connectors.segments import BASIC, EXTENDED, Segments, count_segments, plain_text

FRENCH = "Bonjour Léa, la robe à 89 € est là : où, çà ? Noël, œuf, «été»… ’ \u00a0\u202f😊"
texts = st.text(
    st.one_of(
        st.sampled_from(sorted(BASIC | EXTENDED)),
        st.sampled_from(FRENCH),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=700,
)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", Segments("GSM-7", 1, 160)),
        ("a" * 160, Segments("GSM-7", 1, 160)),
        ("a" * 161, Segments("GSM-7", 2, 153)),
        ("a" * 306, Segments("GSM-7", 2, 153)),
        ("a" * 307, Segments("GSM-7", 3, 153)),
        ("€" * 80, Segments("GSM-7", 1, 160)),
        ("€" * 81, Segments("GSM-7", 2, 153)),
        # 153 is odd: the escape of the 77th does not stay behind without its character
        ("€" * 76 + "a" + "€" * 77, Segments("GSM-7", 3, 153)),
        ("ê" * 70, Segments("UCS-2", 1, 70)),
        ("ê" * 71, Segments("UCS-2", 2, 67)),
        ("😊" * 35, Segments("UCS-2", 1, 70)),
        ("😊" * 36, Segments("UCS-2", 2, 67)),
        ("😊" * 67, Segments("UCS-2", 3, 67)),
        ("où ça", Segments("UCS-2", 1, 70)),
        ("Ç", Segments("GSM-7", 1, 160)),
    ],
)
def test_a_text_takes_the_segments_of_its_alphabet(text: str, segments: Segments) -> None:
    assert count_segments(text) == segments


@settings(max_examples=500, deadline=None)
@given(texts)
@example("€" * 153 + "😊" * 67)
def test_the_carrier_counts_as_we_do(text: str) -> None:
    assert count_segments(text).count == carrier.count_segments(text)


def test_the_alphabet_is_that_of_the_standard() -> None:
    """3GPP TS 23.038: 128 positions, one of which is the escape; and the carrier's own list."""
    assert (len(BASIC), len(EXTENDED)) == (127, 10)
    assert (BASIC, EXTENDED) == (carrier.GSM_7, carrier.GSM_7_ESCAPED)


@pytest.mark.parametrize(
    ("typeset", "plain"),
    [
        ("Bonjour\u202f! C’est 89,00\u00a0€", "Bonjour ! C'est 89,00 €"),
        ("la «\u00a0Robe Fleurie\u202f» bleue", 'la "Robe Fleurie" bleue'),
        ("« Robe » et “dress”", '"Robe" et "dress"'),
        ("Un instant… 10 h – 19 h — à l‘aube", "Un instant... 10 h - 19 h - à l'aube"),
        ("co\u00adton\u200b", "coton"),
        ("e\u0301te\u0301", "été"),
        ("Noël, ça, cœur, fête", "Noël, ça, cœur, fête"),
        ("", ""),
    ],
)
def test_a_text_message_has_no_typography(typeset: str, plain: str) -> None:
    assert plain_text(typeset) == plain


@settings(max_examples=300, deadline=None)
@given(texts)
def test_a_plain_text_stays_and_never_takes_more_segments_for_its_letters(text: str) -> None:
    plain = plain_text(text)
    assert plain_text(plain) == plain
    assert not set(plain) & set("\u00a0\u202f’‘“”«»…–—")
    if count_segments(text).encoding == "GSM-7":
        assert plain == text
