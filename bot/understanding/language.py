"""French or English: by the commonest words first, by py3langid where they do not tell."""

from __future__ import annotations

from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from bot.understanding.normalize import words_of

_FRENCH = frozenset(
    "le la les un une des du de je tu il elle vous nous on est c qu que qui pas ne mon ma mes ton "
    "ta ses et ou avec pour sur dans chez oui non bonjour bonsoir salut coucou merci votre vos s "
    "te me ce cette ca combien quand quel quelle avez avoir suis ai d l j n plait demain soir "
    "robe commande colis taille reste encore svp stp aussi bien tres deja toujours quoi desole "
    "journee soiree bientot revoir accord arret deuxieme premiere troisieme volontiers va".split()
)
_ENGLISH = frozenset(
    "the a an i you he she it we they is are was were my your this that these those do does did "
    "have has had can could would will and or with for from in at of to not don t please thanks "
    "thank hello hi hey yes no what when where how much order parcel dress size still any there "
    "m ll ve been get got want need like pick up out off bye morning evening sure first second "
    "unsubscribe great love".split()
)
_BOTH = _FRENCH & _ENGLISH
_ENOUGH = 24  # characters from which py3langid is worth asking


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(["fr", "en"])
    return identifier


def detect_language(text: str, usual: str) -> str:
    """`fr` or `en`; `usual` (the conversation's) when a text does not tell."""
    words = [w for w in words_of(text) if w not in _BOTH]
    french = sum(w in _FRENCH for w in words)
    english = sum(w in _ENGLISH for w in words)
    if french != english and (min(french, english) == 0 or abs(french - english) > 1):
        return "fr" if french > english else "en"
    if len(text) >= _ENOUGH:
        language, share = _identifier().classify(text)
        if share > 0.8:
            return str(language)
    return usual
