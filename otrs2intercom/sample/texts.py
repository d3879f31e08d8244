"""What people write to a help desk, in five languages, as blocks that render to plain text and to HTML.

OTRS keeps the plain text of a message in the article and its HTML as a pseudo-attachment. Both are made from
the same blocks here, so the words are the same in both, as they are in OTRS.
"""

from dataclasses import dataclass
from html import escape

from otrs2intercom.sample.dice import Dice


@dataclass(frozen=True, slots=True)
class Language:
    """The phrases of one language; `{name}`, `{order}` and `{product}` are filled in."""

    greetings: tuple[str, ...]
    problems: tuple[tuple[str, str], ...]
    details: tuple[str, ...]
    thanks: tuple[str, ...]
    replies: tuple[str, ...]
    answers: tuple[str, ...]
    regards: tuple[str, ...]
    auto_reply: str


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a message: `kind` is p, list, table, quote, link, image or signature."""

    kind: str
    lines: tuple[str, ...]


PRODUCTS = (
    "Router X200",
    "Cloud Backup",
    "LaserJet 4",
    "Webshop",
    "VPN Client",
    "CRM Mobile",
    "Scanner DS-70",
)

LANGUAGES: dict[str, Language] = {
    "en": Language(
        greetings=("Hello,", "Dear support team,", "Good morning,"),
        problems=(
            (
                "Cannot log in any more",
                "Since this morning I cannot log in to {product}. My password is rejected.",
            ),
            (
                "Order {order} has not arrived",
                "Our order {order} was promised for last week and is still missing.",
            ),
            (
                "Wrong amount on invoice {order}",
                "Invoice {order} shows 1,234.56 EUR, but we agreed on 1,134.56 EUR.",
            ),
            (
                "{product} stops after update",
                "After the latest update {product} stops with error 0x80070005.",
            ),
            ("Request for a quote", "Please send us a quote for 25 licences of {product}."),
            ("Mailbox full", 'I get the message "quota exceeded" & can\'t send mail any more.'),
            ("Printer on 3rd floor jams", "The printer on the 3rd floor jams on every second page."),
            ("How do I export my data?", "I'm looking for a way to export all data of {product} as CSV."),
        ),
        details=(
            "It worked until Friday.",
            "I have restarted the device twice, without success.",
            "Temperature < 20 °C, humidity > 80 %, so that can't be the cause.",
            "Three colleagues have the same problem.",
            "The serial number is SN-{order}.",
            "Could you call me back this afternoon?",
        ),
        thanks=("Thank you for your help.", "Many thanks in advance!", "Looking forward to your answer."),
        replies=(
            "Thanks, that helped.",
            "Unfortunately it still doesn't work.",
            "I have attached what you asked for.",
            "Any news on this?",
            "You can close this now, everything is fine again.",
        ),
        answers=(
            "Thank you for getting in touch. We have reset the access, please try again.",
            "Which version of {product} are you using?",
            "We have found the cause and will install a fix tonight.",
            "Your request was passed on to our colleagues, reference {order}.",
            "The replacement was shipped today.",
        ),
        regards=("Kind regards", "Best wishes"),
        auto_reply="Thank you for your message. It has the number {order}. We will answer as soon as we can.",
    ),
    "de": Language(
        greetings=("Hallo,", "Sehr geehrte Damen und Herren,", "Guten Tag zusammen,"),
        problems=(
            ("Anmeldung nicht möglich", "Seit heute früh kann ich mich bei {product} nicht mehr anmelden."),
            ("Lieferung {order} unvollständig", "Bei der Lieferung {order} fehlen zwei Geräte."),
            (
                "Rückfrage zur Rechnung {order}",
                "Auf der Rechnung {order} stehen 1.234,56 EUR, vereinbart war weniger.",
            ),
            ("Drucker druckt nicht", "Der Drucker im Erdgeschoß druckt nur noch weiße Seiten."),
            ("Störung {product}", "{product} stürzt nach dem Öffnen größerer Dateien ab."),
            ("Bitte um Angebot", "Bitte senden Sie uns ein Angebot über 25 Lizenzen für {product}."),
            ("Postfach voll", "Mein Postfach ist voll & ich kann keine Mails mehr schicken."),
            ("Kündigung", "Hiermit kündigen wir den Vertrag {order} zum nächstmöglichen Termin."),
        ),
        details=(
            "Bis Freitag lief alles.",
            "Ein Neustart hat nichts geändert.",
            "Die Kollegen im Büro haben dasselbe Problem.",
            "Die Seriennummer lautet SN-{order}.",
            "Können Sie mich heute Nachmittag zurückrufen?",
            "Temperatur < 20 °C, Feuchte > 80 %: daran liegt es nicht.",
        ),
        thanks=(
            "Vielen Dank für Ihre Mühe.",
            "Besten Dank im Voraus!",
            "Über eine schnelle Antwort würde ich mich freuen.",
        ),
        replies=(
            "Danke, jetzt geht es wieder.",
            "Leider tritt der Fehler immer noch auf.",
            "Im Anhang finden Sie die gewünschten Unterlagen.",
            "Gibt es schon etwas Neues?",
            "Sie können den Vorgang schließen.",
        ),
        answers=(
            "vielen Dank für Ihre Nachricht. Wir haben den Zugang zurückgesetzt, bitte erneut versuchen.",
            "welche Version von {product} setzen Sie ein?",
            "die Ursache ist gefunden, heute Nacht spielen wir die Korrektur ein.",
            "Ihre Anfrage liegt bei den Kollegen, Zeichen {order}.",
            "das Ersatzgerät ist heute verschickt worden.",
        ),
        regards=("Mit freundlichen Grüßen", "Viele Grüße"),
        auto_reply="Vielen Dank für Ihre Nachricht. Sie hat die Nummer {order}. Wir melden uns bald.",
    ),
    "fr": Language(
        greetings=("Bonjour,", "Madame, Monsieur,"),
        problems=(
            ("Connexion impossible", "Depuis ce matin, je ne peux plus me connecter à {product}."),
            ("Commande {order} non reçue", "Notre commande {order} n'est toujours pas arrivée."),
            (
                "Erreur sur la facture {order}",
                "Le montant de la facture {order} ne correspond pas à l'offre.",
            ),
            ("Panne de {product}", "{product} s'arrête dès qu'on ouvre un fichier volumineux."),
        ),
        details=(
            "Tout fonctionnait jusqu'à vendredi.",
            "J'ai redémarré l'appareil, sans succès.",
            "Pourriez-vous me rappeler cet après-midi ?",
        ),
        thanks=("Merci d'avance.", "Merci de votre aide."),
        replies=(
            "Merci, ça marche.",
            "Hélas, le problème est toujours là.",
            "Vous trouverez les pièces en annexe.",
        ),
        answers=(
            "Merci de votre message. L'accès a été réinitialisé, veuillez réessayer.",
            "Quelle version de {product} utilisez-vous ?",
            "La cause est trouvée, le correctif sera installé cette nuit.",
        ),
        regards=("Cordialement", "Bien à vous"),
        auto_reply="Merci de votre message. Il porte le numéro {order}. Nous vous répondrons bientôt.",
    ),
    "es": Language(
        greetings=("Buenos días:", "Hola:"),
        problems=(
            ("No puedo iniciar sesión", "Desde esta mañana no puedo entrar en {product}."),
            ("El pedido {order} no ha llegado", "Nuestro pedido {order} debía llegar la semana pasada."),
            ("Factura {order} incorrecta", "El importe de la factura {order} no coincide con la oferta."),
        ),
        details=(
            "Hasta el viernes funcionaba.",
            "He reiniciado el equipo dos veces.",
            "¿Podrían llamarme esta tarde?",
        ),
        thanks=("Muchas gracias por su ayuda.", "Gracias de antemano."),
        replies=("Gracias, ya funciona.", "El error continúa.", "Adjunto lo que me pidió."),
        answers=(
            "Gracias por escribirnos. Hemos restablecido el acceso, inténtelo de nuevo.",
            "¿Qué versión de {product} utiliza?",
            "Hemos encontrado la causa y esta noche instalaremos la corrección.",
        ),
        regards=("Un cordial saludo", "Saludos"),
        auto_reply="Gracias por su mensaje. Tiene el número {order}. Le responderemos lo antes posible.",
    ),
    "ja": Language(
        greetings=("お世話になっております。", "サポート担当者様"),
        problems=(
            ("ログインできません", "今朝から{product}にログインできません。"),
            ("注文{order}が届きません", "先週届くはずの注文{order}がまだ届いていません。"),
            ("請求書{order}について", "請求書{order}の金額が見積もりと異なります。"),
        ),
        details=("金曜日までは正常でした。", "再起動しても変わりません。", "シリアル番号はSN-{order}です。"),
        thanks=("よろしくお願いします。", "ご確認をお願いいたします。"),
        replies=("ありがとうございます。解決しました。", "まだ同じエラーが出ます。", "資料を添付します。"),
        answers=(
            "お問い合わせありがとうございます。アクセスを再設定しました。",
            "{product}のバージョンを教えてください。",
            "原因が判明しました。今夜修正します。",
        ),
        regards=("敬具", "よろしくお願いいたします。"),
        auto_reply="お問い合わせありがとうございます。受付番号は{order}です。追ってご連絡いたします。",
    ),
}

LATIN_1 = frozenset({"en", "de", "fr", "es"})
"""Languages whose phrases fit into ISO-8859-1."""

NOTES = (
    "Customer called again, sounds annoyed.",
    "Rücksprache mit der Technik gehalten, warten auf Teil.",
    "Checked the log: timeout after 30 s, see https://wiki.example.com/display/ops?page=7&x=1",
    "Bitte bis Freitag erledigen.\nKosten mit der Buchhaltung klären.",
    "Waiting for the supplier.",
    "Dup? See the other ticket of this company.",
)

TRICKY = (
    "Template text stays text: {{ user.name }} [% INCLUDE foo %] <OTRS_TICKET_Title> ${HOME}",
    'JSON stays text: {"$ref": "contact/1"} and {"$file": "x"}',
    "Tags stay text: <script>alert('x')</script> <b>not bold</b> &amp; &lt; &nbsp;",
    "Path C:\\temp\\new and quotes \"double\", 'single', `back`, 100 % and a_b*c",
    "Tab\there, non-breaking\u00a0space, dash \N{EN DASH} ellipsis … zero\u200bwidth, e\u0301 combined",
)

MONITORING = (
    "***** Monitoring *****\n\nNotification: PROBLEM\nHost: db-01\nAddress: 192.0.2.10\nState: CRITICAL\n"
    "Info: DISK CRITICAL - free space: / 512 MB (1% inode=88%):"
)

_LAST_OF_LATIN_1 = 0xFF
_AGENT_HEAD = (
    '<!DOCTYPE html><html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"/></head>'
    '<body style="font-family:Geneva,Helvetica,Arial,sans-serif; font-size: 12px;">'
)
_CITE = '<div type="cite" style="border:none;border-left:solid blue 1.5pt;padding:0cm 0cm 0cm 4.0pt">'
_OUTLOOK_HEAD = (
    '<html xmlns:o="urn:schemas-microsoft-com:office:office"><head>'
    '<meta http-equiv="Content-Type" content="text/html; charset={charset}">'
    "<style><!-- p.MsoNormal {{margin:0cm; font-size:11.0pt; font-family:Calibri}} --></style></head>"
    '<body lang="DE" link="blue"><div class="WordSection1">'
)


def fill(dice: Dice, phrase: str, order: str) -> str:
    """Put the order number and a product into a phrase."""
    if "{" not in phrase:
        return phrase
    return phrase.replace("{order}", order).replace("{product}", dice.choice(PRODUCTS))


def fits_latin_1(blocks: list[Block]) -> bool:
    """Whether a mail program would send these words as ISO-8859-1."""
    return all(ord(char) <= _LAST_OF_LATIN_1 for block in blocks for line in block.lines for char in line)


def plain_text(blocks: list[Block]) -> str:
    """Render as OTRS's `a_body`: paragraphs parted by empty lines, quotes with `>`, lists with dashes."""
    parts: list[str] = []
    for block in blocks:
        if block.kind == "list":
            parts.append("\n".join(f" - {line}" for line in block.lines))
        elif block.kind == "table":
            parts.append("\n".join(line.replace("|", " ") for line in block.lines))
        elif block.kind == "quote":
            parts.append("\n".join(f"> {line}" for line in block.lines))
        elif block.kind == "link":
            parts.append(block.lines[0])
        elif block.kind == "signature":
            parts.append("-- \n" + "\n".join(block.lines))
        elif block.kind == "p":
            parts.append("\n".join(block.lines))
    return "\n\n".join(parts) + "\n"


def agent_html(blocks: list[Block]) -> str:
    """Render as the rich text editor of OTRS writes it: line breaks in a body of its own style."""
    out = [_AGENT_HEAD]
    for block in blocks:
        lines = [_inline(line) for line in block.lines]
        if block.kind == "list":
            out.append("<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>")
        elif block.kind == "table":
            out.append(_table(lines, ""))
        elif block.kind == "quote":
            out.append(_CITE + "<br />".join(lines) + "</div>")
        elif block.kind == "link":
            out.append(f'<a href="{escape(block.lines[1])}" title="">{lines[0]}</a><br /><br />')
        elif block.kind == "image":
            out.append(f'<img alt="" src="cid:{block.lines[0]}" style="width:120px" /><br /><br />')
        elif block.kind == "signature":
            out.append("-- <br />" + "<br />".join(lines))
        else:
            out.append("<br />".join(lines) + "<br /><br />")
    out.append("</body></html>")
    return "".join(out)


def customer_html(blocks: list[Block], charset: str) -> str:
    """Render as a mail program does that is known for its mark-up."""
    out = [_OUTLOOK_HEAD.format(charset=charset)]
    for block in blocks:
        lines = [_inline(line) for line in block.lines]
        if block.kind == "list":
            out.append(
                '<ul style="margin-top:0cm" type="disc">' + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"
            )
        elif block.kind == "table":
            out.append(_table(lines, ' border="1" cellspacing="0"'))
        elif block.kind == "quote":
            out.append("<blockquote>" + "<br>\n".join(lines) + "</blockquote>")
        elif block.kind == "link":
            out.append(f'<p class="MsoNormal"><a href="{escape(block.lines[1])}">{lines[0]}</a><o:p></o:p></p>')
        elif block.kind == "image":
            out.append(f'<p class="MsoNormal"><img width="120" id="Bild_1" src="cid:{block.lines[0]}" alt=""></p>')
        elif block.kind == "signature":
            out.append('<p class="MsoNormal"><span style="color:#1F497D">-- <br>' + "<br>".join(lines) + "</span></p>")
        else:
            first, _, rest = "<br>\n".join(lines).partition(" ")
            body = f"<b>{first}</b> {rest}" if len(lines) == 1 and rest and "<" not in first else "<br>\n".join(lines)
            out.append(f'<p class="MsoNormal">{body}<o:p></o:p></p>\n<p class="MsoNormal"><o:p>&nbsp;</o:p></p>\n')
    out.append("</div></body></html>")
    return "".join(out)


def _inline(line: str) -> str:
    return escape(line, quote=False)


def _table(lines: list[str], attributes: str) -> str:
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line.split("|")) + "</tr>" for line in lines)
    return f"<table{attributes}><tbody>{rows}</tbody></table>"
