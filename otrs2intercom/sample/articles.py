"""Makes up one article of each kind and adds it to its ticket, with the history that OTRS writes for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from otrs2intercom.sample.basics import ADDRESSES, QUEUE_BY_ID
from otrs2intercom.sample.clock import DAY, REFERENCE
from otrs2intercom.sample.dice import Dice
from otrs2intercom.sample.files import (
    KILOBYTE,
    NAMES,
    Part,
    body_part,
    content_type_of,
    make_file,
    png,
    random_size,
    rename_doubles,
)
from otrs2intercom.sample.model import (
    AGENT,
    CHAT,
    CUSTOMER,
    EMAIL,
    INTERNAL,
    NEW,
    OPEN,
    PHONE,
    SYSTEM,
    Article,
    ChatLine,
    Ticket,
)
from otrs2intercom.sample.people import WORKING_AGENTS, Agent, Customer, People
from otrs2intercom.sample.texts import (
    LANGUAGES,
    MONITORING,
    NOTES,
    TRICKY,
    Block,
    agent_html,
    customer_html,
    fill,
    fits_latin_1,
    plain_text,
)

_FORM_OF: Final = {
    "tricky text": "both",
    "latin-1": "both",
    "inline image": "both",
    "many scripts": "both",
    "long body": "both",
    "html only": "html",
    "empty body": "plain",
    "no text": "plain",
    "null body": "plain",
    "customer's file-2": "plain",
}
_BODY_OF: Final = {"empty body": "", "no text": "- no text message => see attachment -", "null body": None}
_FILES_OF: Final[dict[str, tuple[str, ...]]] = {
    "twelve files": (*(f"scan{number:04d}.pdf" for number in range(1, 11)), "Liste.csv", "Liste.csv"),
    "large file": ("backup.docx",),
    "customer's file-2": ("file-2",),
    "empty body": ("scan0001.pdf",),
    "no text": ("message.dat",),
    "same names": ("photo.png", "photo.png", "photo.png"),
    "foreign names": (
        "見積書 (最新).pdf",
        "Отчёт.txt",
        "Übergrößenträger, Maße.csv",
        "اسم.png",
        "a" * 240 + ".txt",
    ),
    "empty file": ("empty.txt",),
    "broken part types": ("notes.txt", "Vertrag (final) v2.pdf"),
}


@dataclass(slots=True)
class Thread:
    """The making of one ticket: the clock, the people and the words.

    `special` is the case that this ticket stands for, or empty; `sender` the From line of the customer.
    """

    ticket: Ticket
    dice: Dice
    special: str
    clock: int
    language: str
    order: str
    subject: str
    customer: Customer | None
    sender: str
    agent: Agent
    last_words: tuple[str, ...] = ()

    def wait(self) -> int:
        """Let minutes, hours or days pass, never beyond the reference date, and return the time."""
        pace = self.dice.weighted({"minutes": 40, "hours": 45, "days": 15})
        least, most = {"minutes": (120, 14400), "hours": (14400, 108000), "days": (DAY, 7 * DAY)}[pace]
        latest = max(REFERENCE - 7200 + 10 * len(self.ticket.events), self.clock + 1)
        self.clock = min(self.clock + self.dice.randrange(least, most), latest)
        return self.clock

    @property
    def starts(self) -> bool:
        """Whether the next article is the first one, which carries the special case."""
        return not self.ticket.articles


def customer_mail(thread: Thread) -> None:
    """A mail of the customer: plain, HTML, or both, perhaps with files."""
    dice, special, first = thread.dice, thread.special if thread.starts else "", thread.starts
    article = Article(thread.clock, CUSTOMER, EMAIL, visible=True, author=1)
    article.a_from, article.a_to = thread.sender, _queue_address(thread)
    if dice.chance(0.1):
        article.a_cc = '"Boss, The" <the.boss@example.com>, team@example.org'
    article.subject = thread.subject if first else f"Re: [Ticket#{thread.ticket.tn}] {thread.subject}"
    form = _FORM_OF.get(special) or dice.weighted({"plain": 45, "both": 43, "html": 12})
    blocks = _customer_words(thread, first=first)
    images = _customer_image(thread, blocks, special) if form == "both" else []
    if form == "both" and dice.chance(0.1):
        portal = f"https://portal.example.com/?order={thread.order}&lang=x"
        blocks.insert(2, Block("link", ("our portal", portal)))
    if special == "latin-1" or (form != "plain" and dice.chance(0.3)):
        article.charset = "iso-8859-1" if fits_latin_1(blocks) else "utf-8"
    article.body = plain_text(blocks)
    files = [*images, *_files(thread, special, from_mail=True)]
    article.parts = [*_mail_body(dice, article, form, customer_html(blocks, article.charset)), *files]
    if special in _BODY_OF:
        article.body, article.parts = _BODY_OF[special], files
    elif form == "plain" and files:
        article.parts = [body_part("file-1", "text/plain", article.body), *files]
    if form == "both":
        for part in article.parts:
            part.alternative = "1"
    _add(thread, article, "EmailCustomer" if first else "FollowUp", "%%")
    thread.last_words = blocks[1].lines


def second_customer_mail(thread: Thread, people: People) -> None:
    """A colleague of the customer writes into the same thread."""
    first = thread.sender
    number = thread.customer.number + 1 if thread.customer else 0
    thread.sender = people.customer(number % people.customers).sender
    customer_mail(thread)
    thread.sender = first


def monitoring_mail(thread: Thread) -> None:
    """A mail from a machine, which OTRS files under the sender "system" when a header asks for it."""
    article = Article(thread.clock, SYSTEM, EMAIL, visible=True, author=1)
    article.a_from, article.a_to = thread.sender, _queue_address(thread)
    article.subject, article.body = thread.subject, MONITORING
    _add(thread, article, "EmailCustomer", "%%")


def agent_mail(thread: Thread) -> None:
    """An answer of the agent, or the mail that opens the ticket; the agent becomes the owner."""
    ticket, dice, agent, first = thread.ticket, thread.dice, thread.agent, thread.starts
    _take_over(thread)
    article = Article(thread.clock, AGENT, EMAIL, visible=True, author=agent.id)
    article.a_from, article.a_to = _queue_address(thread), thread.sender
    article.subject = f"[Ticket#{ticket.tn}] {'' if first else 'Re: '}{thread.subject}"
    language = LANGUAGES[thread.language]
    blocks = [
        Block("p", (dice.choice(language.greetings),)),
        Block("p", (fill(dice, dice.choice(language.answers), thread.order),)),
    ]
    if dice.chance(0.2):
        blocks.append(Block("list", tuple(fill(dice, text, thread.order) for text in language.details[:2])))
    blocks.append(Block("p", (dice.choice(language.regards), agent.full_name)))
    if thread.last_words:
        blocks.append(Block("quote", thread.last_words))
    image = None
    inline = thread.special == "agent's inline image" and all(a.sender != AGENT for a in ticket.articles)
    if inline or dice.chance(0.03):
        content_id = f"inline{dice.randrange(10**6)}.{article.at}.{ticket.id}.{agent.id}@example.com"
        image = Part("pasted-1.png", "image/png", _picture(dice), f"<{content_id}>", disposition="inline")
        blocks.insert(2, Block("image", (content_id,)))
    article.body = plain_text(blocks)
    if image or dice.chance(0.8):
        article.parts.append(_agent_part(blocks))
    if image:
        article.parts.append(image)
    article.parts += _files(thread, "", from_mail=False)
    _add(thread, article, "EmailAgent" if first else "SendAnswer", f"%%{article.a_to}")
    if ticket.state == NEW:
        ticket.set_state(thread.clock, OPEN, agent.id)
    thread.last_words = blocks[1].lines


def note(thread: Thread) -> None:
    """A note among agents; every fifth is one that the customer sees."""
    dice = thread.dice
    agent = thread.agent if dice.chance(0.6) else dice.choice(WORKING_AGENTS)
    article = Article(thread.clock, AGENT, INTERNAL, visible=dice.chance(0.2), author=agent.id)
    article.a_from = agent.sender
    article.subject = "Note" if dice.chance(0.8) else "Notiz für später"
    blocks = [Block("p", tuple(dice.choice(NOTES).split("\n")))]
    article.body = plain_text(blocks)
    if dice.chance(0.6):
        article.parts.append(_agent_part(blocks))
    article.parts += _files(thread, "", from_mail=False)
    _add(thread, article, "AddNote", "%%Note")


def call_from_customer(thread: Thread) -> None:
    """A call that came in: the sender is the customer, though the agent wrote it down."""
    article = Article(thread.clock, CUSTOMER, PHONE, visible=True, author=thread.agent.id)
    article.a_from, article.a_to = thread.sender, QUEUE_BY_ID[thread.ticket.queue].name
    _phone(thread, article, "PhoneCallCustomer")


def call_to_customer(thread: Thread) -> None:
    """A call that the agent made."""
    article = Article(thread.clock, AGENT, PHONE, visible=True, author=thread.agent.id)
    article.a_from, article.a_to = thread.agent.sender, thread.sender
    _phone(thread, article, "PhoneCallAgent")


def portal_request(thread: Thread) -> None:
    """A request from the customer portal: channel Internal, visible, written by user 1."""
    article = Article(thread.clock, CUSTOMER, INTERNAL, visible=True, author=1)
    article.a_from, article.a_to = thread.sender, QUEUE_BY_ID[thread.ticket.queue].name
    article.subject = thread.subject
    blocks = _customer_words(thread, first=True)
    article.body = plain_text(blocks)
    article.parts = [_agent_part(blocks), *_files(thread, thread.special, from_mail=False)]
    _add(thread, article, "WebRequestCustomer", "%%")
    thread.last_words = blocks[1].lines


def chat(thread: Thread) -> None:
    """A chat that became a ticket: an article without MIME data."""
    dice, agent, person, language = thread.dice, thread.agent, thread.customer, LANGUAGES[thread.language]
    visitor = (person.login, f"{person.first_name} {person.last_name}") if person else ("guest", "Guest")
    problem = fill(dice, dice.choice(language.problems)[1], thread.order)
    answer = fill(dice, dice.choice(language.answers), thread.order)
    goodbye = f"{dice.choice(language.replies)}\n{dice.choice(language.thanks)}"
    article = Article(thread.clock, AGENT, CHAT, visible=True, author=agent.id)
    article.chat = [
        ChatLine(str(agent.id), agent.full_name, "User", f"{agent.full_name} has joined the chat.", 1),
        ChatLine(*visitor, "Customer", f"{problem} <b>& now?</b>", 0),
        ChatLine(str(agent.id), agent.full_name, "User", answer, 0),
        ChatLine(*visitor, "Customer", goodbye, 0),
        ChatLine(str(agent.id), agent.full_name, "User", "Chat closed", 1),
    ]
    _add(thread, article, "AddNote", "%%Chat")


def auto_reply(thread: Thread) -> None:
    """What OTRS answers at once."""
    ticket = thread.ticket
    text = LANGUAGES[thread.language].auto_reply.replace("{order}", ticket.tn)
    _from_system(thread, f"[Ticket#{ticket.tn}] RE: {thread.subject[:24]}", text, "SendAutoReply")


def notification(thread: Thread) -> None:
    """What OTRS tells the customer by itself."""
    ticket = thread.ticket
    text = f"{thread.agent.full_name} now looks after your ticket {ticket.tn}.\n"
    _from_system(thread, f"[Ticket#{ticket.tn}] Your ticket has a new owner", text, "SendCustomerNotification")


def hidden_mail(thread: Thread) -> None:
    """A mail to a supplier that the customer doesn't see."""
    article = Article(thread.clock, AGENT, EMAIL, visible=False, author=thread.agent.id)
    article.a_from, article.a_to = _queue_address(thread), "supplier@example.org"
    article.a_bcc = "archive@example.com"
    article.subject = f"[Ticket#{thread.ticket.tn}] Fwd: {thread.subject}"
    words = Block("p", ("Could you have a look at this, please?",))
    article.body = plain_text([words, Block("quote", thread.last_words)])
    _add(thread, article, "Forward", f"%%{article.a_to}")


def hand_over(thread: Thread) -> None:
    """The ticket moves to another queue, with a note."""
    ticket = thread.ticket
    old = QUEUE_BY_ID[ticket.queue]
    others = [queue for queue in QUEUE_BY_ID.values() if queue.valid_id == 1 and queue.id not in {1, old.id}]
    new = thread.dice.choice(others)
    ticket.queue = new.id
    ticket.log(thread.clock, "Move", f"%%{new.name}%%{new.id}%%{old.name}%%{old.id}", thread.agent.id)
    note(thread)


FOLLOWING: Final[dict[Callable[[Thread], None], int]] = {
    customer_mail: 40,
    agent_mail: 28,
    note: 14,
    call_to_customer: 5,
    call_from_customer: 3,
    hidden_mail: 3,
    hand_over: 3,
    notification: 4,
}
"""What may follow in a thread, and how often."""


def _add(thread: Thread, article: Article, kind: str, name: str) -> None:
    ticket = thread.ticket
    if article.channel == EMAIL:
        article.message_id = f"<{article.at}.{ticket.id}.{len(ticket.articles)}@example.com>"
        earlier = [other.message_id for other in ticket.articles if other.message_id]
        if earlier and article.sender != SYSTEM:
            article.in_reply_to = earlier[-1]
            article.references = " ".join(earlier)
    ticket.articles.append(article)
    ticket.log(article.at, kind, name, article.author, article)
    if article.author != 1 and thread.dice.chance(0.25):
        article.minutes = thread.dice.choice(("5.00", "0.25", "15.00", "1.50", "-2.00"))
        ticket.log(article.at, "TimeAccounting", f"%%{article.minutes}%%{article.minutes}", article.author)


def _take_over(thread: Thread) -> None:
    ticket, agent, at = thread.ticket, thread.agent, thread.clock
    if ticket.owner == agent.id:
        return
    ticket.locked = True
    ticket.log(at, "Lock", "%%lock", agent.id)
    ticket.log(at, "Misc", "Reset of unlock time.", agent.id)
    ticket.owner = agent.id
    ticket.log(at, "OwnerUpdate", f"%%{agent.login}%%{agent.id}", agent.id)
    ticket.timeout = at
    if thread.dice.chance(0.3):
        ticket.responsible = agent.id
        ticket.log(at, "ResponsibleUpdate", f"%%{agent.login}%%{agent.id}", agent.id)


def _customer_words(thread: Thread, *, first: bool) -> list[Block]:
    dice, language, order = thread.dice, LANGUAGES[thread.language], thread.order
    blocks = [Block("p", (dice.choice(language.greetings),))]
    if first:
        problem = fill(dice, dice.choice(language.problems)[1], order)
        blocks.append(Block("p", (problem,)))
        blocks.append(Block("p", tuple(fill(dice, text, order) for text in dice.sample(language.details, 2))))
        if dice.chance(0.15):
            details = dice.sample(language.details, 3)
            blocks.append(Block("list", tuple(fill(dice, text, order) for text in details)))
        if dice.chance(0.06):
            item = fill(dice, "{product}", order)
            blocks.append(Block("table", ("Pos.|Artikel|EUR", f"1|{item}|1.234,56", "2|Ü 20|-")))
        blocks += _special_words(thread.special, problem)
    else:
        blocks.append(Block("p", (fill(dice, dice.choice(language.replies), order),)))
    blocks.append(Block("p", (dice.choice(language.thanks),)))
    if thread.last_words and dice.chance(0.5):
        blocks.append(Block("quote", thread.last_words))
    person = thread.customer
    if person and dice.chance(0.5):
        lines = (f"{person.first_name} {person.last_name}", f"{person.zip_code} {person.city}")
        blocks.append(Block("signature", lines))
    return blocks


def _special_words(special: str, problem: str) -> list[Block]:
    if special == "tricky text":
        return [Block("p", (text,)) for text in TRICKY]
    if special == "long body":
        return [Block("p", (f"{line}. {problem}",)) for line in range(1000)]
    if special == "many scripts":
        return [Block("p", ("Здравствуйте 你好 안녕하세요 שלום مرحبا ἀρχή",))]
    return []


def _customer_image(thread: Thread, blocks: list[Block], special: str) -> list[Part]:
    """Put an image into the text, now and then; some mail programs encode its id in the HTML."""
    dice = thread.dice
    if special != "inline image" and (special or not dice.chance(0.15)):
        return []
    content_id = f"image001.png@01DA{dice.randrange(10**6):06d}.{dice.randrange(10**6):06X}"
    in_html = content_id.replace("@", "%40") if special == "inline image" else content_id
    blocks.insert(2, Block("image", (in_html,)))
    # without a disposition, OTRS goes by the content id
    disposition = "inline" if special != "inline image" and dice.chance(0.7) else None
    kind = 'image/png; name="image001.png"'
    return [Part("image001.png", kind, _picture(dice), f"<{content_id}>", disposition=disposition)]


def _mail_body(dice: Dice, article: Article, form: str, html: str) -> list[Part]:
    """Return the pseudo-attachments as the PostMaster names them."""
    if form == "both":
        text = body_part("file-1", "text/plain", article.body or "", article.charset)
        return [text, body_part("file-2", "text/html", html, article.charset)]
    if form == "html":
        part = body_part("file-1", "text/html", html, article.charset)
        if dice.chance(0.3):
            part.name, part.disposition = "file-1.html", "inline"
        return [part]
    return []


def _agent_part(blocks: list[Block]) -> Part:
    """The HTML of what agents write is always file-2, with an empty disposition."""
    part = body_part("file-2", "text/html", agent_html(blocks))
    part.content_type, part.disposition = 'text/html; charset="utf-8"', ""
    return part


def _phone(thread: Thread, article: Article, kind: str) -> None:
    article.subject = thread.subject or "Phone call"
    blocks = _customer_words(thread, first=True)[1:3]
    article.body = plain_text(blocks)
    if thread.dice.chance(0.5):
        article.parts.append(_agent_part(blocks))
    _add(thread, article, kind, "%%")


def _from_system(thread: Thread, subject: str, text: str, kind: str) -> None:
    article = Article(thread.clock, SYSTEM, EMAIL, visible=True, author=1)
    article.a_from, article.a_to = _queue_address(thread), thread.sender
    article.subject, article.body = subject, text
    _add(thread, article, kind, f"%%{thread.sender}")


def _queue_address(thread: Thread) -> str:
    address, name = ADDRESSES[QUEUE_BY_ID[thread.ticket.queue].address_id]
    return f"{name} <{address}>"


def _picture(dice: Dice) -> bytes:
    return png(dice, dice.randrange(80, 4 * KILOBYTE))


def _files(thread: Thread, special: str, *, from_mail: bool) -> list[Part]:
    dice = thread.dice
    names = _FILES_OF.get(special, ())
    if not names and dice.chance(0.13):
        names = tuple(dice.choices(NAMES, k=dice.weighted({1: 75, 2: 20, 3: 5})))
    parts = []
    aged = special == "same names"  # as older versions left them
    for name in names:
        size = {"large file": 1024 * KILOBYTE, "empty file": 0}.get(special, random_size(dice))
        part = Part(name, content_type_of(name), make_file(dice, name, size))
        part.sized = not aged and not dice.chance(0.02)
        if from_mail:
            # the PostMaster cleans names; what agents upload keeps its spaces
            part.name = name.replace(" ", "_").replace("/", "_")
            part.disposition = dice.choice(("attachment", "attachment", "", None))
            if name.isascii() and dice.chance(0.5):
                part.content_type = f'{content_type_of(name).partition(";")[0]}; name="{name}"'
        parts.append(part)
    if not aged:
        rename_doubles(parts)
    if special == "customer's file-2":
        parts[0].content_type, parts[0].disposition = "application/octet-stream", "attachment"
        page = b"<html><body><p>A page that someone saved and sent.</p></body></html>"
        parts.append(Part("file-2", "text/html; charset=utf-8", page, disposition="attachment"))
    elif special == "broken part types":
        parts[0].content_type, parts[1].content_type = None, "application/pdf;"
    return parts
