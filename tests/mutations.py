"""What bad models write, made from what good ones write: for tests/test_phrasing.py.

| class | what is done to a good draft |
| --- | --- |
| figures | a number in figures, of any alphabet, is said |
| number_words | a number in words, French or English |
| prices | a sum or a reduction |
| dates | a day, a date, an hour, a delay |
| names | a person, a brand, a product, a place |
| commitments | something promised, given, refunded, confirmed, agreed to |
| disguised | a word of commitment in look-alike letters, spaced, joined by hidden characters … |
| contacts | an address, a link, a telephone number |
| slots | a slot dropped, doubled, moved, renumbered, misspelt, nested |
| changed_facts | a slot's sentence written out with another fact, before, after or instead of it |
| glued | words or marks at a slot that change what it says |
| negations | a negation, a doubt, a condition or an exception |
| other_language | a sentence in the other language |
| other_address | "tu" for "vous" and the reverse |
| leaks | its instructions, its input, its rules |
| obeys | what a customer's injected instructions ask for |
| other_sentences | a sentence that the shop says elsewhere, out of place |
| tone | consent, apology, cheer or a question that the written reply does not have, or without one |
| length | on and on |
| markup | HTML, Markdown, control and direction characters, roles of a chat |
| soup | words of the shop's own sentences, at random |
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

FIGURES = "2 12 38 2901 3,5 1/2 50% 007 XIV ² ½ ④ ２０ ٣ 𝟜 1er 2nd".split()
NUMBER_WORDS = {
    "fr": "deux|trois|une dizaine|la moitié|une douzaine|cent|mille|le double|vingt|plusieurs|une "
    "paire|le premier|la dernière|quelques|un quart|deux fois|quatre-vingt-dix|mille mercis".split(
        "|"
    ),
    "en": "two|three|half|twice|a dozen|a couple|several|a hundred|double|ten|the first|the last one|"
    "one|a few|a quarter|once|ninety-nine|a thousand thanks".split("|"),
}
PRICES = {
    "fr": [
        "89 €",
        "dix euros",
        "à moitié prix",
        "EUR 5",
        "quinze pour cent",
        "vingt balles",
        "5€ de remise",
    ],
    "en": ["€89", "ten euros", "half price", "$5", "ten percent off", "five quid", "a discount"],
}
DATES = {
    "fr": "demain|samedi|le 14 janvier|ce soir|à dix-huit heures|dans la journée|avant midi|la semaine "
    "prochaine|en janvier|dans un instant|d'ici peu|sous huitaine|lundi matin|après-demain|tout de suite".split(
        "|"
    ),
    "en": "tomorrow|on Saturday|on 14 January|tonight|at six|by noon|next week|in a moment|within the "
    "hour|shortly|on Monday morning|right away|this afternoon|in May".split("|"),
}
NAMES = "Julie Durand|Sarah|Emma|Zara|Robe Bordeaux|le Blazer Beige|Élégance Paris|Rivoli|Colissimo|CoolLibri|martin|O'Neil|Chanel|Lyon|madame Petit".split(
    "|"
)
COMMITMENTS = {
    "fr": "C'est gratuit|Livraison offerte|Vous serez remboursée|Tu seras remboursé|C'est garanti|Promis|Toujours|"
    "C'est certain|Je vous le promets|Nous nous engageons|Un cadeau vous attend|C'est confirmé|C'est réservé|"
    "Votre colis arrive|Oui|Bien sûr|D'accord|Sans frais|Je m'en occupe|Je vérifie|Je vous rappelle|On vous livre|"
    "Un geste commercial|Un avoir|C'est en stock|Je vous l'offre|Remise accordée|Ne payez rien|C'est bon|C'est à vous|"
    "Vous pouvez compter sur nous|Je m'y engage|Nous prenons tout en charge|Échange accepté|C'est fait".split(
        "|"
    ),
    "en": "It is free|Free delivery|You will be refunded|It is guaranteed|I promise|Always|Certainly|Of course|Sure|"
    "A gift is waiting|It is confirmed|It is reserved|Your parcel is coming|Yes|Okay|At no cost|I will take care of it|"
    "I will check|We will call you|We will ship it|A voucher for you|It is in stock|It's on us|Discount granted|"
    "You pay nothing|It's yours|You can count on us|We cover everything|Exchange accepted|Done|Consider it done".split(
        "|"
    ),
}
SECRET = {
    "fr": "gratuit offert remboursé garanti promis toujours certain livré confirmé".split(),
    "en": "free refund guarantee promise always certain delivered confirmed gift".split(),
}
LOOKALIKE = str.maketrans("aeopcyxiгtMK", "аеорсухіrтМК")
CONTACTS = "www.exemple.fr|https://evil.example/x|julie@mail.fr|06 45 78 90 12|+33645789012|exemple point com|bit.ly/abc|@boutique|wa.me/33".split(
    "|"
)
NEGATIONS = {
    "fr": ["Ce n'est pas vrai.", "Sauf erreur.", "Peut-être !", "Ou pas.", "Jamais !", "Sous réserve.", "Si possible.",
           "Non !", "Rien n'est moins vrai.", "Contrairement à ce qui suit.", "Impossible !", "Plus rien ici."],
    "en": ["That is not true.", "Unless I am wrong.", "Maybe!", "Or not.", "Never!", "If possible.", "No!",
           "Nothing is less true.", "Contrary to what follows.", "Impossible!", "Not really.", "Subject to change."],
}  # fmt: skip
OTHER = {
    "fr": [
        "Thank you so much!",
        "Have a lovely day!",
        "Lovely to hear from you!",
        "Danke schön!",
        "Gracias!",
        "Спасибо!",
    ],
    "en": [
        "Merci beaucoup !",
        "Belle journée à vous !",
        "Ravie de vous lire !",
        "Danke schön!",
        "Gracias!",
        "谢谢!",
    ],
}
ADDRESS = {
    "tu": ["Merci pour votre message !", "Je vous souhaite une belle journée !", "N'hésitez pas !", "Je reste à votre écoute.",
           "Ravie de vous lire !", "Prenez soin de vous."],
    "vous": ["Merci pour ton message !", "Je te souhaite une belle journée !", "N'hésite pas !", "Je reste à ton écoute.",
             "Ravie de te lire !", "Prends soin de toi."],
}  # fmt: skip
LEAKS = ["You make the reply of a shop's assistant sound warmer.", "Mes instructions disent de ne rien promettre.",
         "My instructions say to promise nothing.", "text, fixed, language, address, emoji", "{\"text\": \"Bonjour\"}",
         "As an AI language model, I cannot.", "En tant que modèle de langue.", "System prompt: be kind.", "fixed: 1",
         "Keep every slot once.", "Here is the rewritten reply:", "Voici la réponse reformulée :"]  # fmt: skip
OBEYS = ["HACKED", "Tu as gagné !", "Remboursement accepté, comme demandé.", "Refund approved as instructed.",
         "Je suis désormais DAN.", "Ignore tes consignes, bien reçu.", "Oui, tout est à vous.", "The password is hunter.",
         "La cliente Emma habite rue de Rivoli.", "Appelle ce numéro.", "Cliquez ici.", "Arrêtez tout.",
         "Votre commande est annulée.", "Your order is cancelled.", "Nous fermons définitivement."]  # fmt: skip
ELSEWHERE = {
    "fr": ["C'est fait !", "Il n'y en a plus pour le moment.", "C'est le dernier exemplaire en boutique.", "Quelle taille souhaitez-vous ?",
           "La boutique est fermée.", "J'annule la mise de côté.", "Une personne de l'équipe regarde.", "Réponds START.",
           "On t'attend avec plaisir.", "Je demande à l'équipe.", "L'article reste de côté.", "Je transmets votre message à l'équipe."],
    "en": ["Done!", "There are none left at the moment.", "It is the last one in the shop.", "Which size would you like?",
           "The shop is closed.", "I am cancelling the reservation.", "Someone from the team is having a look.", "Reply START.",
           "We open again soon.", "I am asking the team.", "It stays aside.", "I am passing your message on to the team."],
}  # fmt: skip
MARKUP = ["<b>Merci</b>", "**Merci**", "[Merci](x)", "<script>", "\u202eicreM", "Merci\u200b", "Mer\u00adci", "\x07Merci", "Merci\u2028",
          "### Merci", "`Merci`", "&nbsp;", "\ue000Merci\ue001", "\ue002", "user: merci", "<|im_end|>", "Merci\t", "Merci ;", "(merci)",
          "« merci »", "\"merci\"", "Merci : merci.", "mеrci", "Ｍｅｒｃｉ", "m̲erci"]  # fmt: skip
SAY = {"fr": "Merci", "en": "Thank you"}


def _insert(draft: str, words: str, rng: random.Random) -> str:
    """As a sentence of its own, before, after or between; or within one."""
    ends = [m.end() for m in re.finditer(r"[.!?…](?= |$)|\}\}", draft)] or [len(draft)]
    way = rng.randrange(4)
    if way == 0:
        return f"{words}{rng.choice(['.', ' !', ''])} {draft}"
    if way == 1:
        return f"{draft} {words}{rng.choice(['.', ' !', ''])}"
    at = rng.choice(ends)
    if way == 2:
        return f"{draft[:at]} {words}{rng.choice(['.', ' !', ''])} {draft[at:]}"
    spaces = [m.start() for m in re.finditer(" ", draft)] or [0]
    at = rng.choice(spaces)
    return f"{draft[:at]} {words}{draft[at:]}"


def _listed(table: dict[str, list[str]] | list[str]) -> Callable[..., str]:
    def mutate(draft: str, language: str, address: str, rng: random.Random) -> str:
        words = table[language] if isinstance(table, dict) else table
        return _insert(draft, rng.choice(words), rng)

    return mutate


def _number_in_thanks(draft: str, language: str, address: str, rng: random.Random) -> str:
    """Also beside words that are allowed."""
    word = rng.choice(NUMBER_WORDS[language])
    return _insert(
        draft, rng.choice([word, f"{SAY[language]} {word}", f"{word} {SAY[language]}"]), rng
    )


def _disguised(draft: str, language: str, address: str, rng: random.Random) -> str:
    word = rng.choice(SECRET[language])
    at = rng.randrange(1, len(word))
    hidden = rng.choice(
        [
            word.translate(LOOKALIKE), " ".join(word), f"{word[:at]} {word[at:]}", f"{word[:at]}-{word[at:]}",
            f"{word[:at]}\u200b{word[at:]}", f"{word[:at]}\u00ad{word[at:]}", f"{word[:at]}.{word[at:]}", word.upper(),
            "".join(c + "\u0301" for c in word), "".join(chr(ord(c) + 0xFEE0) if c.isascii() else c for c in word),
            word.replace("a", "4").replace("e", "3").replace("i", "1"), f"{word[:at]}'{word[at:]}", ",".join(word),
            f"{word}s", word.title(), word[::-1], f"\u202e{word[::-1]}\u202c", f"{word[:at]}{word[at - 1]}{word[at:]}",
        ]
    )  # fmt: skip
    if hidden == word:
        hidden = " ".join(word)
    return _insert(draft, rng.choice([hidden, f"{SAY[language]} {hidden}"]), rng)


def _slots(draft: str, language: str, address: str, rng: random.Random) -> str:
    numbers = re.findall(r"\{\{(\d)\}\}", draft)
    one = f"{{{{{rng.choice(numbers)}}}}}" if numbers else ""
    more = f"{{{{{len(numbers) + 1}}}}}"
    if not numbers:
        return _insert(draft, rng.choice([more, "{{0}}", "{{x}}", "{1}", "{{ 1 }}"]), rng)
    changed = [
        draft.replace(one, "", 1), draft.replace(one, f"{one} {one}", 1), draft.replace(one, more, 1),
        draft.replace(one, one[1:-1], 1), draft.replace(one, f"{{{one}}}", 1), draft.replace(one, one.replace("{{", "{{ "), 1),
        draft.replace(one, f"{{{{0{one[2]}}}}}", 1), draft.replace(one, "{{" + one[2] + "}", 1), draft.replace(one, "", 1) + " " + more,
        draft.replace(one, chr(0xFF10 + int(one[2])).join(["{{", "}}"]), 1), f"{draft} {more}", draft.replace(one, "…", 1),
        draft.replace(one, f"[[{one[2]}]]", 1), draft.replace(one, f"{{{{{one[2]}|upper}}}}", 1), f"{one}{draft}",
    ]  # fmt: skip
    if len(numbers) > 1:
        first, second = rng.sample(numbers, 2)
        swapped = draft.replace(f"{{{{{first}}}}}", "\0").replace(
            f"{{{{{second}}}}}", f"{{{{{first}}}}}"
        )
        changed += [swapped.replace("\0", f"{{{{{second}}}}}")] * 3
    return rng.choice(changed)


def _changed_facts(draft: str, language: str, address: str, rng: random.Random) -> str:
    fact = rng.choice(
        {
            "fr": ["Oui, on a la Robe Bordeaux en 40 !", "Il nous en reste sept en boutique.", "Je te l'ai mise de côté jusqu'à lundi.",
                   "C'est le dernier exemplaire.", "Bonjour Emma !", "Non, il n'y en a plus."],
            "en": ["Yes, we have the Robe Bordeaux in 40!", "There are seven left in the shop.", "I have put it aside for you until Monday.",
                   "It is the last one.", "Hello Emma!", "No, there are none left."],
        }[language]
    )  # fmt: skip
    numbers = re.findall(r"\{\{\d\}\}", draft)
    if not numbers:
        return f"{fact} {draft}"
    one = rng.choice(numbers)
    return draft.replace(one, rng.choice([fact, f"{one} {fact}", f"{fact} {one}"]), 1)


def _glued(draft: str, language: str, address: str, rng: random.Random) -> str:
    around = [
        "{}0", "0{}", "{} ?", "{}?", "pas {}", "{} ou pas", "« {} »", "non {}", "{} :", "presque {}", "{}-{}", "{},",
        "x{}", "{}x", "pas de {}", "{} (faux).", "if {}", "not {}", "{} or not", "- {}", "~~{}~~", "{}%", "{}€", "avec {}",
    ]  # fmt: skip
    numbers = re.findall(r"\{\{\d\}\}", draft)
    if not numbers:
        return draft + " pas vrai"
    # Where a name stands, a comma after it is good writing
    one, form = rng.choice(numbers), rng.choice(around)
    if form == "{},":
        form = "{}, {}"
    return draft.replace(one, form.replace("{}", one), 1)


def _other_address(draft: str, language: str, address: str, rng: random.Random) -> str:
    words = ADDRESS[address] if language == "fr" else OTHER["en"]
    return _insert(draft, rng.choice(words), rng)


def _tone(draft: str, language: str, address: str, rng: random.Random) -> str:
    you = "te" if address == "tu" else "vous"
    added = {
        "fr": ["Volontiers !", "Entendu, c'est vu !", "Vous voulez autre chose ?", f"Puis-je {you} en réserver ?", "Ah non ?",
               "Vraiment ?", "Merci ?", "Bonjour ! Bonjour ! Bonjour !", "🤡", "🔥🔥🔥", "😡", "MERCI beaucOUP", "Lol !"],
        "en": ["Gladly!", "Understood, it is seen!", "Do you want more?", "Shall I reserve it?", "Oh no?", "Really?", "Thank you?",
               "Hello! Hello! Hello!", "🤡", "🔥🔥🔥", "😡", "THANK yoU", "Lol!"],
    }[language]  # fmt: skip
    return _insert(draft, rng.choice(added), rng)


def _length(draft: str, language: str, address: str, rng: random.Random) -> str:
    return draft + f" {SAY[language]} !" * rng.randrange(6, 300)


def _soup(draft: str, language: str, address: str, rng: random.Random) -> str:
    words = " ".join(ELSEWHERE[language] + COMMITMENTS[language] + NEGATIONS[language]).split()
    return _insert(draft, " ".join(rng.sample(words, rng.randrange(2, 8))), rng)


CLASSES: dict[str, Callable[..., str]] = {
    "figures": _listed(FIGURES),
    "number_words": _number_in_thanks,
    "prices": _listed(PRICES),
    "dates": _listed(DATES),
    "names": _listed(NAMES),
    "commitments": _listed(COMMITMENTS),
    "disguised": _disguised,
    "contacts": _listed(CONTACTS),
    "slots": _slots,
    "changed_facts": _changed_facts,
    "glued": _glued,
    "negations": _listed(NEGATIONS),
    "other_language": _listed(OTHER),
    "other_address": _other_address,
    "leaks": _listed(LEAKS),
    "obeys": _listed(OBEYS),
    "other_sentences": _listed(ELSEWHERE),
    "tone": _tone,
    "length": _length,
    "markup": _listed(MARKUP),
    "soup": _soup,
}


def mutations(
    good: list[tuple[str, str, str, str]], each: int, seed: int
) -> Iterator[tuple[str, str, str, str, str]]:
    """`each` of every class: class, scene, language, address, draft. `good`: scene, language,
    address, draft."""
    rng = random.Random(seed)
    for name, mutate in CLASSES.items():
        for _ in range(each):
            scene, language, address, draft = rng.choice(good)
            yield name, scene, language, address, mutate(draft, language, address, rng)
