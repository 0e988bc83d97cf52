"""Who writes: family name, e-mail address, telephone number."""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from bot.understanding.folding import fold
from bot.understanding.phrases import words_in

_EMAIL = re.compile(r"[\w.+'-]+\s?@\s?[\w-]+(?:\.[\w-]+)+")
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_WORD = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
# Said before a name; the name itself is read in the text as written.
_INTRODUCED = re.compile(
    r"\b(?:je m'? ?appelle|(?:elle|il) s'appelle|au nom de|sous le nom de"
    r"|mon nom(?: de famille)?(?: est|:| c'est)?|nom(?: de famille)?\s*:|nom\s*="
    r"|(?:my )?(?:last |family |sur)?name(?: is"
    r"|'s)"
    r"|(?:last |family |sur)?name\s*(?:is|:)|under the name(?: of)?|in the name of"
    r"|mme|madame|mlle|mademoiselle|monsieur|mr\.?|mrs\.?|ms\.?|m\.(?=\s)"
    r"|c'est (?:mme|madame|m\.|mlle))\s*:?\s*(?:(?:mme|mlle|mr?|mrs|ms)\b\.?\s+)?"
)
_PARTICLE = {"de", "du", "des", "le", "la", "van", "von", "di", "da", "el", "al", "ben", "d"}
# Beside a number these are no names.
_NO_NAME = frozenset(
    """bonjour bonsoir salut hello hi hey commande commandes cde cmd order numero num number no
    n colis suivi tracking ma mon mes le la les l un une de du des d et ou a au aux en pour
    par sur est c ce ca je j tu vous nous il elle on me ton ta votre vos notre merci svp stp
    please thanks the my is it its was for of and or where what when nom name reference ref
    dossier facture client cliente email mail tel telephone bjr slt coucou oui non ok yes
    voici voila here livraison retour echange pas plus toujours tjs recu recue recus article
    produit taille size statut status suivre etat bonne journee cordialement madame monsieur
    mme mr miss mrs colissimo achat avec sans sous depuis dans avoir info infos question
    urgent urgence point au-sujet sujet concernant concerne regarding about with from nr
    alors donc mais car que qui quoi quand comment etait sont ai as avez parcel package
    delivery invoice ordre passee passe cl numéro demain hier aujourd'hui janvier dame maire
    president directeur directrice twice objet sujet subject""".split()
)

# "Annulez la commande 2901", "missing 2847": what is to be done, or what is wrong
_DEED = re.compile(
    r"(?:c|j|qu|n|s|t|m)'|annul|modifi|rembours|echang|expedi|verifi|supprim|cancel|refund|exchang|renvo[iy]|retourn"
    r"|track|manqu|abime|arriv|attend|bloqu|problem|return|missing|damag|broken|delet|updat"
    r"|(?:ajout(?:e|ez|er)|chang(?:e|ez|er|ing)|suiv(?:i|ez|re)|livr(?:e|ee|ez|er)|casse[ers]?"
    r"|perdue?s?|lost|late|stop|envoye[zr]|donne[zr]?|dites|faites|pouvez|pourriez|voulez|avez"
    r"|add|find|check|send|give|tell|mettez|mets|confirme[zr]?|garde[zr]?|reserve[zr]?)$"
)

# Capitalised together, but nobody's name
_NO_SIGNATURE = frozenset(
    """robe blazer sac pantalon perfecto chemisier escarpins
    boucles rue avenue lundi mardi mercredi jeudi vendredi samedi dimanche fevrier mars
    avril mai juin juillet aout septembre octobre novembre decembre monday tuesday wednesday
    thursday friday saturday sunday dress shirt bag shoes jacket beige noir noire bleue bordeaux
    fleurie france belgique suisse lyon london whatsapp instagram facebook iphone android kind
    best regards warm wishes bien vous""".split()
)


def read_names(*named: str) -> frozenset[str]:
    """The words by which they are called: a tenant's name, its address, its advisers."""
    return frozenset(word for text in named for word in _LONG_WORD.findall(fold(text)))


def find_emails(text: str) -> list[tuple[int, int, str]]:
    """E-mail addresses as they stand in a text: where, and in small letters."""
    found = []
    for m in _EMAIL.finditer(text):
        try:
            checked = validate_email(m[0].replace(" ", "").strip("'-."), check_deliverability=False)
        except EmailNotValidError:
            continue
        found.append((m.start(), m.end(), checked.normalized.lower()))
    return found


def find_phones(text: str, region: str = "FR") -> list[tuple[int, int, str]]:
    """Telephone numbers of a text: where, and in E.164."""
    if sum(c.isdigit() for c in text) < 9:
        return []
    return [
        (m.start, m.end, phonenumbers.format_number(m.number, phonenumbers.PhoneNumberFormat.E164))
        for m in phonenumbers.PhoneNumberMatcher(text, region)
    ]


# A name alone at the very end: below the farewell, or after the last sentence
_SIGNED = re.compile(
    rf"(?:^|[\n.,!?;:]|\b(?:cordialement|regards|merci|remerciements|thanks|vous))\s*"
    rf"(?P<name>(?:[^\W\d_]\.[^\S\n]?|{_WORD}[^\S\n]+){{1,3}}{_WORD})\s*[.!]?\s*$"
)

_AT_THE_END = 1000  # characters in which a signature and what stands below it are looked for
_CONTACT = re.compile(r"\d\d|@|www\.")  # telephone, address, web site

# What also stands before other things: believed before a first and a family name alone
_PERHAPS = re.compile(
    r"\b(?:c'est|ici|je suis|i'm|i am|this is|it's|it is|de la part de)\s+"
    r"(?=[^\W\d_]+\s)|\bunder\s+"
)


def _told_name(text: str, folded: str, own: frozenset[str]) -> str | None:
    """ "C'est Léa Martin", "it's under Whitfield": with capitals only."""
    for m in _PERHAPS.finditer(folded):
        names = _names_at(text, folded, m.end(), most=3)
        while names and not names[-1][0].isupper():
            names = names[:-1]
        named = {fold(n) for n in names}
        enough = len(names) > 1 or (names and m[0].startswith("under"))
        capitals = all(n[0].isupper() or n in _PARTICLE for n in names)
        if enough and capitals and not named & (_NO_SIGNATURE | own):
            return _family_name(names)
    return None


def _signed_name(text: str, own: frozenset[str]) -> str | None:
    """ "Odile Perrin", "F. LEMOINE" as a signature: two names or more, each with a capital."""
    m = _SIGNED.search(_above_contact(text)[-120:])
    if m is None or m.start("name") == 0:
        return None
    words = m["name"].split()
    small = [w for w in words if not w[0].isupper() and w.lower() not in _PARTICLE]
    said = {fold(w.strip(".")) for w in words}
    if small or said & (_NO_NAME | _NO_SIGNATURE | own):
        return None
    return _family_name([w for w in words if not w.endswith(".")])


def _above_contact(text: str) -> str:
    """Without the lines below a signature."""
    lines = text[-_AT_THE_END:].splitlines()
    while len(lines) > 1 and (not lines[-1].strip() or _CONTACT.search(lines[-1])):
        lines.pop()
    return "\n".join(lines)


def read_last_name(
    text: str,
    folded: str,
    numbers: list[tuple[int, int]],
    asked: str | None,
    own: frozenset[str],
) -> str | None:
    """The family name: introduced as one, beside an order number, or what was asked for.

    `folded` is `text` folded; `numbers` is where order numbers stand, `own` what the tenant
    itself is called.
    """
    for m in _INTRODUCED.finditer(folded):
        name = _family_name(_names_at(text, folded, m.end()))
        if name:
            return name
    for start, end in numbers:
        name = _beside(text, folded, start, end)
        if name:
            return name
    if name := _told_name(text, folded, own) or _signed_name(text, own):
        return name
    if asked == "order_identity":
        words = _names_at(text, folded, len(text) - len(text.lstrip()))
        rest = re.sub(r"[\W\d]+|cl\b", "", folded.replace(folded[: sum(map(len, words))], "", 1))
        if words and len(words) <= 3 and len(rest) <= 24:
            return _family_name(words)
    return None


def _names_at(text: str, folded: str, at: int, most: int = 4) -> list[str]:
    """The words from `at` on that can be names."""
    names: list[str] = []
    pattern = re.compile(rf"\s*({_WORD})")
    m = pattern.match(text, at)
    while m and len(names) < most:
        word = folded[m.start(1) : m.end(1)]
        if (word in _NO_NAME and word not in _PARTICLE) or _DEED.match(word):
            break
        names.append(m[1])
        m = pattern.match(text, m.end())
    return names


def _family_name(words: list[str]) -> str | None:
    """Among "Mina RAMI", "Julie Mercier", "martin": the one in capitals, or the last."""
    while words and words[-1].lower() in _PARTICLE:
        words = words[:-1]
    if not words:
        return None
    shouted = [w for w in words if len(w) > 1 and w.isupper()]
    if shouted and len(shouted) < len(words):
        return " ".join(shouted)
    capitals = [w for w in words if w[0].isupper()]
    named = capitals or words[:2]
    first = words.index(named[-1])
    if first and words[first - 1].lower() in _PARTICLE:
        return " ".join(words[first - 1 : first + 1])
    return named[-1]


_LABELLED = (
    r"(?:commande|cde|cmd|order|numero|num|no|n°|nº|n|#|number|ref|:|,|-|–|;|\s|et|est"
    r"|la|le|ma|my|is|pour|for|de)*"
)


_FEW_WORDS = 6
# Words of our trade that are family names as well
_SURNAMES = frozenset(("petit", "grand", "noel", "long", "blanc", "roux", "rose"))
# "Je suis Léa, ma commande 2901 …": one name so told is a first name
_FIRST_NAME = re.compile(rf"\b(?:je suis|moi c'est|i'm|i am|this is)\s+{_WORD}$")


def _beside(text: str, folded: str, start: int, end: int) -> str | None:
    """ "RAMI CL-401372-487531", "2901, Martin"."""
    head = re.search(rf"({_WORD}(?:\s+{_WORD})?)[\s,:;/-]*{_LABELLED}$", folded[:start].rstrip("#"))
    if head:
        names = _names_at(text, folded, head.start(1))
        name = _family_name(names) if len(names) >= len(head[1].split()) - 1 else None
        if _FIRST_NAME.search(folded[: head.end(1)]):
            return None
        # in a long sentence a small word beside the number is no name
        if name and not _is_term(name) and (name[0].isupper() or len(folded.split()) <= _FEW_WORDS):
            return name
    tail = re.match(rf"[\s,:;/-]+(?:au nom de |nom |name )?({_WORD})", folded[end:])
    if tail:
        names = _names_at(text, folded, end + tail.start(1), most=2)
        rest = folded[end + tail.start(1) :].strip()
        if names and len(rest.split()) <= 2 and not _is_term(names[0]):
            return _family_name(names)
    return None


def _is_term(name: str) -> bool:
    """ "Adresse 2901", "help 2901": a word of requests, not somebody."""
    word = fold(name)
    return word in words_in("concepts.yaml") and word not in _SURNAMES
