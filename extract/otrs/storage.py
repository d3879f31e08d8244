"""Where does OTRS keep attachments and raw mails: in the database, on disk, in S3, or here and there?

The setting in the database tells the default only: `Kernel/Config.pm` overrides it and is not in the database,
and after a change of the setting old articles stay where they were. But the rows tell: OTRS keeps the raw mail
of everything it sends (`ArticleSend`, auto responses), so a sent mail without one has it elsewhere, or had it
removed. Measured on real databases of OTRS 5 and Znuny 6.5: all of them where storage is the database, none of
those written while it was the file system.
"""

from dataclasses import dataclass

from extract.otrs.snapshot import Snapshot

STORAGES = {"ArticleStorageDB": "database", "ArticleStorageFS": "files", "ArticleStorageS3": "S3"}
"""Last word of the setting's Perl module, and where it keeps attachments and raw mails."""

SENT = ("SendAnswer", "Forward", "SendAutoReply", "SendAutoFollowUp", "SendAutoReject")
"""Types of history rows of articles that OTRS itself sent as mail."""


@dataclass(frozen=True)
class SentMails:
    """Mails that OTRS sent, and how many of them have their raw text in the database."""

    sent: int
    in_database: int

    @property
    def elsewhere(self) -> int:
        """Those whose raw text, and so perhaps whose attachments, the database does not have."""
        return self.sent - self.in_database


def count_sent_mails(snapshot: Snapshot) -> SentMails:
    """Count the mails that OTRS sent; zeros where the tables are missing."""
    plain = "article_data_mime_plain" if "article_data_mime" in snapshot.tables else "article_plain"
    if not {"ticket_history", "ticket_history_type", plain} <= set(snapshot.tables):
        return SentMails(0, 0)
    types = ", ".join(f"'{name}'" for name in SENT)
    sql = (
        "select count(distinct history.article_id), count(distinct plain.article_id) from ticket_history as history"
        " join ticket_history_type as type on history.history_type_id = type.id"
        f" left join {plain} as plain on plain.article_id = history.article_id"
        f" where type.name in ({types}) and history.article_id is not null"
    )
    ((sent, in_database),) = snapshot.rows(sql)
    return SentMails(int(sent), int(in_database))


def detect_storage(snapshot: Snapshot, setting: str | None, setting_evidence: str) -> tuple[str, str]:
    """Return `database`, `files`, `mixed`, `S3` or `unknown`, with the evidence.

    Args:
        snapshot: the open snapshot.
        setting: the Perl module that the database names, None where it names none.
        setting_evidence: where that stands.
    """
    name = (setting or "").rsplit("::", 1)[-1]
    by_setting = STORAGES.get(name, "unknown")
    mails = count_sent_mails(snapshot)
    evidence = f"{setting_evidence}: {name}" if setting else "no setting in the database"
    if by_setting == "S3" or not mails.sent:
        return by_setting, evidence
    evidence += f"; {mails.in_database:,} of {mails.sent:,} mails that OTRS sent have their raw text in the database"
    if mails.in_database == 0:
        return "files", evidence
    if mails.elsewhere or by_setting == "files":
        return "mixed", evidence
    return "database", evidence
