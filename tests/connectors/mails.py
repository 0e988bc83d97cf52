"""Mails as people's programs write them: (what it is, its text part, what they just said).

Laid out as the programs do: their intro lines, wrapping at about 76 columns, non-breaking
spaces before French colons, headers quoted by Outlook, lines added by phones.
"""

# ruff: noqa: W291  # mail programs end lines with spaces

from __future__ import annotations

GMAIL_FR = """\
Bonjour,

Oui, gardez-la-moi jusqu'à samedi s'il vous plaît !

Le ven. 20 nov. 2026 à 09:12, Élégance Paris <bonjour@elegance-paris.fr> a
écrit :

> Bonjour Julie,
>
> La robe fleurie est disponible en 38. Souhaitez-vous que je la mette de côté ?
>
> L'équipe Élégance Paris
"""

GMAIL_FR_LONG_INTRO = """\
Parfait, merci.

Le mercredi 18 novembre 2026 à 18:45, Élégance Paris — Service clientèle <
service.clientele@boutique.elegance-paris.fr> a écrit :

> Votre commande est prête.
"""

GMAIL_FR_NO_BREAK_SPACE = """\
Je passerai vers 18h.

Le ven. 20 nov. 2026 à 09:12, Élégance Paris <bonjour@elegance-paris.fr> a écrit\xa0:

> Nous fermons à 19 h.
"""

GMAIL_EN = """\
Hi,

Could you do a size 40 instead?

On Fri, Nov 20, 2026 at 9:12 AM Élégance Paris <bonjour@elegance-paris.fr>
wrote:

> Hello Kate,
> The dress is available in 38.
>
> On Thu, Nov 19, 2026 at 6:00 PM Kate <kate@example.com> wrote:
>
>> Is it available?
"""

GMAIL_PHONE_FR = """\
D'accord pour demain

Envoyé de mon iPhone

> Le 20 nov. 2026 à 09:12, Élégance Paris <bonjour@elegance-paris.fr> a écrit :
>
> \ufeffBonjour Julie,
> Votre robe vous attend.
"""

APPLE_MAIL_FR = """\
Merci beaucoup, à samedi.

Julie

> Le 20 nov. 2026 à 09:12, Élégance Paris <bonjour@elegance-paris.fr> a écrit :
> 
> Bonjour Julie,
> 
> La robe fleurie est disponible en 38.
"""

APPLE_MAIL_EN = """\
Thanks, I will take it.

> On 20 Nov 2026, at 09:12, Élégance Paris <bonjour@elegance-paris.fr> wrote:
> 
> Hello,
> We have it in blue.
"""

IPHONE_EN = """\
Yes please

Sent from my iPhone

> On Nov 20, 2026, at 09:12, Élégance Paris <bonjour@elegance-paris.fr> wrote:
> 
> Shall we keep it for you?
"""

OUTLOOK_FR = """\
Bonjour,

Ma commande 4521 n'est toujours pas arrivée. Où en est-elle ?

Cordialement,
Marine Durand

De : Élégance Paris <bonjour@elegance-paris.fr>
Envoyé : vendredi 20 novembre 2026 09:12
À : Marine Durand <marine.durand@example.fr>
Objet : RE: Commande 4521

Bonjour Marine,

Votre commande a été expédiée mardi.
"""

OUTLOOK_FR_NO_BREAK_SPACE = """\
Toujours rien reçu...

________________________________
De\xa0: Élégance Paris <bonjour@elegance-paris.fr>
Envoyé\xa0: vendredi 20 novembre 2026 09:12
À\xa0: Marine Durand <marine.durand@example.fr>
Objet\xa0: RE: Commande 4521

Votre commande a été expédiée mardi.
"""

OUTLOOK_EN = """\
Hello,

I would like to return the bag.

Kind regards,
Kate Miller
Marketing Manager | Example Ltd
+44 20 7946 0000

From: Élégance Paris <bonjour@elegance-paris.fr>
Sent: 20 November 2026 09:12
To: Kate Miller <kate@example.com>
Subject: RE: Your order

Dear Kate,
Thank you for your order.
"""

OUTLOOK_2003_FR = """\
C'est noté, merci.

-----Message d'origine-----
De : Élégance Paris [mailto:bonjour@elegance-paris.fr]
Envoyé : vendredi 20 novembre 2026 09:12
À : Marine Durand
Objet : Votre rendez-vous

Votre rendez-vous est confirmé.
"""

OUTLOOK_2003_EN = """\
Noted, thank you.

-----Original Message-----
From: Élégance Paris [mailto:bonjour@elegance-paris.fr]
Sent: Friday, November 20, 2026 9:12 AM
To: Kate Miller
Subject: Your appointment

Your appointment is confirmed.
"""

OUTLOOK_IOS_FR = """\
Est-ce que vous l'avez en bordeaux ?

Obtenir Outlook pour iOS<https://aka.ms/o0ukef>
________________________________
De : Élégance Paris <bonjour@elegance-paris.fr>
Envoyé : Friday, November 20, 2026 9:12:00 AM
À : Marine Durand <marine.durand@example.fr>
Objet : Re: Robe

Bonjour, oui en bleu.
"""

OUTLOOK_ANDROID_EN = """\
Is it in stock?

Get Outlook for Android<https://aka.ms/AAb9ysg>
________________________________
From: Élégance Paris <bonjour@elegance-paris.fr>
Sent: Friday, November 20, 2026 9:12:00 AM
To: Kate Miller <kate@example.com>
Subject: Re: Dress

Hello, which one?
"""

THUNDERBIRD_FR = """\
Bonjour,

Je préfère la livraison en point relais.

Le 20/11/2026 à 09:12, Élégance Paris a écrit :
> Bonjour,
> Quelle livraison préférez-vous ?
"""

THUNDERBIRD_EN = """\
I prefer home delivery.

On 20/11/2026 09:12, Élégance Paris wrote:
> Hello,
> Which delivery do you prefer?
"""

THUNDERBIRD_BELOW = """\
Le 20/11/2026 à 09:12, Élégance Paris a écrit :
> Bonjour,
> Quelle taille vous faut-il ?

Du 38, merci !
"""

THUNDERBIRD_BETWEEN = """\
Bonjour,

Le 20/11/2026 à 09:12, Élégance Paris a écrit :
> Quelle taille vous faut-il ?
Du 38.
> Et quelle couleur ?
Le bleu, comme sur la photo.
"""

SIGNATURE_DASHES_FR = """\
Bonjour, avez-vous reçu mon colis retour ?

-- 
Camille Petit
12 rue des Lilas, 75020 Paris
06 12 34 56 78
"""

SIGNATURE_DASHES_AND_QUOTE = """\
Oui pour l'échange.

-- 
Camille Petit

Le ven. 20 nov. 2026 à 09:12, Élégance Paris <bonjour@elegance-paris.fr> a écrit :
> Un échange vous conviendrait-il ?
"""

YAHOO_FR = """\
Je n'ai pas reçu le code promo.

Le vendredi 20 novembre 2026 à 09:12:33 UTC+1, Élégance Paris <bonjour@elegance-paris.fr> a écrit : 

 Bonjour,
Voici votre code.
"""

YAHOO_EN = """\
It never arrived.

On Friday, November 20, 2026 at 09:12:33 AM GMT+1, Élégance Paris <bonjour@elegance-paris.fr> wrote:

 Hello,
Here is your code.
"""

ORANGE_FR = """\
Bonjour, merci de me rappeler au 06 12 34 56 78.

> Message du 20/11/26 09:12
> De : "Élégance Paris" <bonjour@elegance-paris.fr>
> A : marine.durand@orange.example
> Copie à : 
> Objet : Votre demande
>
> Bonjour, comment vous joindre ?
"""

FREE_ZIMBRA_FR = """\
La rouge me plaît davantage.

----- Mail original -----
De: "Élégance Paris" <bonjour@elegance-paris.fr>
À: "Camille" <camille@free.example>
Envoyé: Vendredi 20 Novembre 2026 09:12:00
Objet: Nos nouveautés

Bonjour, voici nos nouveautés.
"""

SAMSUNG_FR = """\
Ok pour 15h

Envoyé depuis mon appareil Galaxy

-------- Message d'origine --------
De : Élégance Paris <bonjour@elegance-paris.fr>
Date : 20/11/2026 09:12 (GMT+01:00)
À : Julie <julie@example.fr>
Objet : Rendez-vous

Votre rendez-vous est à 15 h ou 16 h ?
"""

PROTON_EN = """\
Perfect, thanks.

Sent from Proton Mail for iOS.

-------- Original Message --------
On Friday, 11/20/26 at 09:12 Élégance Paris <bonjour@elegance-paris.fr> wrote:

> Is Saturday fine?
"""

FORWARDED_FR = """\
Pouvez-vous me dire si c'est bien vous ?

---------- Forwarded message ---------
De : Promo <promo@example.com>
Date: ven. 20 nov. 2026 à 09:12
Subject: Gagnez une robe
To: <julie@example.fr>

Cliquez ici.
"""

LIST_OF_ARTICLES = """\
Bonjour,

Je voudrais :
- la robe fleurie en 38
- la robe bordeaux en 40
- les boucles d'oreilles dorées

Merci, et est-ce que tout arriverait avant Noël ?

Marine
"""

THANKS_IN_THE_MIDDLE = """\
Hello,
Thanks, but I would rather have a refund.
Best, would it be possible this week?
"""

POLITE_IN_THE_MIDDLE = """\
Bonjour,
Bonne journée hier à la boutique ! Une question : puis-je rendre le sac à Lyon ?
Cordialement,
Inès
"""

PLAIN_TEXT_MESSAGE = "La robe est-elle doublée ?"

WORDS_LIKE_AN_INTRO = """\
Bonjour,
Le vendeur m'a écrit : « elle sera prête lundi ».
Est-ce toujours le cas ?
"""

CONFIDENTIAL_FR = """\
Bonjour, je confirme la commande de 12 écharpes.

Bien à vous,
Paul Lefèvre
Acheteur, Société Exemple

Ce message et ses pièces jointes sont confidentiels et établis à l'intention exclusive de
ses destinataires.
"""

ONLY_A_QUOTE = """\
> La robe fleurie est disponible en 38.
> Souhaitez-vous que je la mette de côté ?
"""

MAILS: tuple[tuple[str, str, str], ...] = (
    ("Gmail, French", GMAIL_FR, "Bonjour,\n\nOui, gardez-la-moi jusqu'à samedi s'il vous plaît !"),
    ("Gmail, French, intro cut inside the address", GMAIL_FR_LONG_INTRO, "Parfait, merci."),
    ("Gmail, French, no-break space", GMAIL_FR_NO_BREAK_SPACE, "Je passerai vers 18h."),
    ("Gmail, English, two levels", GMAIL_EN, "Hi,\n\nCould you do a size 40 instead?"),
    ("iPhone, French", GMAIL_PHONE_FR, "D'accord pour demain"),
    ("Apple Mail, French", APPLE_MAIL_FR, "Merci beaucoup, à samedi.\n\nJulie"),
    ("Apple Mail, English", APPLE_MAIL_EN, "Thanks, I will take it."),
    ("iPhone, English", IPHONE_EN, "Yes please"),
    (
        "Outlook, French",
        OUTLOOK_FR,
        "Bonjour,\n\nMa commande 4521 n'est toujours pas arrivée. Où en est-elle ?",
    ),
    ("Outlook, French, no-break space", OUTLOOK_FR_NO_BREAK_SPACE, "Toujours rien reçu..."),
    ("Outlook, English", OUTLOOK_EN, "Hello,\n\nI would like to return the bag."),
    ("Outlook 2003, French", OUTLOOK_2003_FR, "C'est noté, merci."),
    ("Outlook 2003, English", OUTLOOK_2003_EN, "Noted, thank you."),
    ("Outlook for iOS, French", OUTLOOK_IOS_FR, "Est-ce que vous l'avez en bordeaux ?"),
    ("Outlook for Android, English", OUTLOOK_ANDROID_EN, "Is it in stock?"),
    (
        "Thunderbird, French",
        THUNDERBIRD_FR,
        "Bonjour,\n\nJe préfère la livraison en point relais.",
    ),
    ("Thunderbird, English", THUNDERBIRD_EN, "I prefer home delivery."),
    ("answer below the quote", THUNDERBIRD_BELOW, "Du 38, merci !"),
    (
        "answers between the quoted lines",
        THUNDERBIRD_BETWEEN,
        "Bonjour,\n\nDu 38.\nLe bleu, comme sur la photo.",
    ),
    ("two dashes", SIGNATURE_DASHES_FR, "Bonjour, avez-vous reçu mon colis retour ?"),
    ("two dashes, then a quote", SIGNATURE_DASHES_AND_QUOTE, "Oui pour l'échange."),
    ("Yahoo, French", YAHOO_FR, "Je n'ai pas reçu le code promo."),
    ("Yahoo, English", YAHOO_EN, "It never arrived."),
    ("Orange webmail", ORANGE_FR, "Bonjour, merci de me rappeler au 06 12 34 56 78."),
    ("Zimbra of Free", FREE_ZIMBRA_FR, "La rouge me plaît davantage."),
    ("Samsung, French", SAMSUNG_FR, "Ok pour 15h"),
    ("Proton, English", PROTON_EN, "Perfect, thanks."),
    ("forwarded by Gmail", FORWARDED_FR, FORWARDED_FR.strip()),
    ("a list with hyphens", LIST_OF_ARTICLES, LIST_OF_ARTICLES.strip()),
    ("thanks in the middle", THANKS_IN_THE_MIDDLE, THANKS_IN_THE_MIDDLE.strip()),
    (
        "politeness in the middle",
        POLITE_IN_THE_MIDDLE,
        "Bonjour,\nBonne journée hier à la boutique ! Une question : puis-je rendre le sac à Lyon ?",
    ),
    ("nothing but a message", PLAIN_TEXT_MESSAGE, PLAIN_TEXT_MESSAGE),
    ("words like an intro", WORDS_LIKE_AN_INTRO, WORDS_LIKE_AN_INTRO.strip()),
    (
        "a company's footer",
        CONFIDENTIAL_FR,
        "Bonjour, je confirme la commande de 12 écharpes.",
    ),
    ("only a quote", ONLY_A_QUOTE, ONLY_A_QUOTE.strip()),
)
