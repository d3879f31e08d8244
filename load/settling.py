"""One step until it is settled: intent, call, receipt; and what became of a call that was never answered.

What cannot be decided now does not hold a worker: `ParkedError` says when it can be looked at again, and the step is
settled later with the intent that is open already.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar, Unpack

from load import log
from load.client import Answer, Client
from load.clock import Clock
from load.errors import (
    AgainError,
    CallError,
    ConfigurationError,
    GoneError,
    LostError,
    StorageError,
    UndecidedError,
    UnreachableError,
    UnsilencedError,
)
from load.kinds import Absent, Found, Request, Took, Undecided, kind_of, send_undo, undo_of_found
from load.ledger import Intent, Item, Ledger, Receipt, Settled, visibility
from load.letters import UNKNOWN, dead_letter
from load.plan import Step
from load.retries import repeated
from load.settings import IntercomSettings
from load.storage import FileStorage
from load.talker import Talker
from load.warehouse import Row

T = TypeVar("T")

FRESH = 600.0
"""Seconds during which a 404 for what we have just created is not believed (conversations: create)."""
FRESH_ATTEMPTS = 6
SHORT = 6.0
"""Seconds of waiting for something to appear that a worker spends itself; for more the step is parked."""
LOOK_EVERY = 2.0


class ParkedError(Exception):
    """The step cannot be settled now.

    Attributes:
        until: of the clock's monotonic seconds, from which on it can be decided; None for the end of the run.
        error: what happened, when it cannot be decided there either.
    """

    def __init__(self, until: float | None, error: CallError | None = None) -> None:
        super().__init__("parked")
        self.until = until
        self.error = error


class InterruptedWaitError(Exception):
    """A worker was waiting when the run was told to end."""


class _NotYetError(Exception):
    def __init__(self, until: float) -> None:
        super().__init__("not there yet")
        self.until = until


@dataclass
class _Lost:
    """What is known of the attempts at a call.

    Attributes:
        since: monotonic seconds of the latest moment at which an attempt that has not been looked up can have been
            made; None when there is none.
        finished: the server has ended its work on it.
        maybe: an attempt may have taken effect, and no look has ruled it out.
    """

    since: float | None = None
    finished: bool = False
    maybe: bool = False


@dataclass(frozen=True)
class _Begun:
    """A call whose intent is open.

    Attributes:
        first: Unix seconds of the first attempt, also by an earlier run.
        changed: that attempt was made with another payload.
        before: what was found out ahead of it.
    """

    intent: Intent
    lost: _Lost
    first: float
    changed: bool
    before: Mapping[str, Any]


class Settler:
    """Settles steps, by any number of threads.

    Args:
        ledger: where intents and receipts go.
        client: to Intercom.
        files: the storage outside Intercom.
        clock: where time comes from.
        settings: search lag and commit grace.
        stop: set when the run is to end: nobody goes on waiting.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: Client,
        files: FileStorage,
        clock: Clock,
        settings: IntercomSettings,
        stop: threading.Event,
    ) -> None:
        self.ledger, self.client, self.files, self.clock, self.settings = ledger, client, files, clock, settings
        self.figures = client.figures
        self.run_id = ""
        self._stop = stop
        self._lock = threading.Lock()
        self._twins: dict[str, tuple[threading.Lock, list[int]]] = {}
        self._begun: dict[str, _Begun] = {}
        self.talker = Talker(client, ledger, files)
        self._began = clock.monotonic()

    # --- what a step comes to

    def imply(self, step: Step) -> None:
        """Note what is so without a call."""
        self.ledger.note(self.run_id, receipts=[_receipt(step.rows[0], None, "implied", None)])

    def settle(
        self,
        phase: int,
        lane: str,
        step: Step,
        request: Request,
        youngest: float,
        prior: Sequence[Intent],
        *,
        final: bool = False,
    ) -> tuple[Took, bool]:
        """Send a step's call, or find out that it took effect. Returns what it took, and whether it was found.

        Args:
            phase: of the lane.
            lane: its name.
            step: what it settles.
            request: the call with everything filled in.
            youngest: Unix seconds at which the youngest object in it was created.
            prior: calls of earlier runs at the same slots whose fate is unknown.
            final: there is no later: it waits itself.

        Raises:
            ParkedError: it cannot be decided now.
            CallError: it was refused.
            StoppedError: the run cannot go on.
        """
        kind = kind_of(step.kind)
        wanted = kind.fingerprint(request) if kind.fingerprint else None
        key = step.slots[0]
        with self._alone((wanted["author"], wanted["created_at"]) if wanted and kind.searches else None):
            begun = self._begun.pop(key, None) or self._begin(phase, lane, step, request, wanted, prior)
            request = replace(
                request,
                since=begun.first,
                repeated=begun.lost.maybe,
                changed=begun.changed,
                before=begun.before,
            )
            self.log("call", intent=begun.intent.intent_id)
            with self._closing(key, begun):
                took, found = self._persist(begun, request, wanted, youngest, final=final)
            receipts = [_receipt(row, took, took.outcome, step.settled, wanted) for row in step.rows]
            self._received(begun.intent, took, receipts, found=found)
        return took, found

    def undo(self, step: Step, prior: Sequence[Intent]) -> Took:
        """Take a settled slot back.

        Args:
            step: with the receipt to take back.
            prior: calls of earlier runs at the slot whose fate is unknown.

        Raises:
            ParkedError: it was not answered.
            CallError: it was refused.
            StoppedError: the run cannot go on.
        """
        settled = step.settled
        if settled is None:
            raise ValueError("an undo needs the receipt to take back")
        begun = self._begun.pop(settled.slot, None)
        if begun is None:
            intent = self.ledger.open_intent(
                self.run_id,
                settled.phase,
                settled.lane,
                settled.kind,
                "undo",
                [settled.item],
                None,
                supersedes=[old.intent_id for old in prior],
            )
            begun = _Begun(intent, _Lost(maybe=bool(prior)), intent.opened_at, changed=False, before={})
        undo = json.loads(settled.undo or "{}")
        took = self._send_undo(settled.slot, begun, undo)
        self._received(begun.intent, took, [settled.ended("undone")], found=False)
        return took

    def _send_undo(self, key: str, begun: _Begun, undo: Mapping[str, Any]) -> Took:
        with self._closing(key, begun):
            return self._retrying(
                lambda lost: self._noting(lost, lambda: send_undo(self.talker, undo)), begun.lost, youngest=0.0
            )

    def _received(self, intent: Intent, took: Took, receipts: Sequence[Receipt], *, found: bool) -> None:
        self.ledger.close_intent(
            intent,
            "found" if found else "answered",
            run_id=self.run_id,
            request_id=took.request_id,
            receipts=receipts,
        )
        if found:
            self.figures.add("found")

    @contextmanager
    def _closing(self, key: str, begun: _Begun) -> Iterator[None]:
        """Close the intent of a call that certainly did not take effect; keep that of any other open."""
        try:
            yield
        except _NotYetError as error:
            self._begun[key] = begun
            raise ParkedError(error.until) from None
        except (LostError, AgainError, UndecidedError) as error:
            if begun.lost.maybe:
                self._begun[key] = begun
            else:
                self.ledger.close_intent(begun.intent, "absent", run_id=self.run_id)
            raise ParkedError(None, error) from error
        except InterruptedWaitError:
            if not begun.lost.maybe:
                self.ledger.close_intent(begun.intent, "absent", run_id=self.run_id)
            raise
        except (CallError, ConfigurationError, StorageError, UnsilencedError) as error:
            if not begun.lost.maybe:
                request_id = error.request_id if isinstance(error, CallError) else None
                self.ledger.close_intent(begun.intent, "refused", run_id=self.run_id, request_id=request_id)
            raise

    def _begin(
        self,
        phase: int,
        lane: str,
        step: Step,
        request: Request,
        wanted: Mapping[str, Any] | None,
        prior: Sequence[Intent],
    ) -> _Begun:
        """Write the intent down, with all that a later run needs to know of the workspace as it was."""
        try:
            before = self._before(step, request, prior)
        except (LostError, AgainError) as error:
            raise ParkedError(None, error) from error
        first = min((old.told("first", old.opened_at) for old in prior), default=None)
        hashes = {row.slot: row.payload_hash for row in step.rows}
        changed = any(
            hashes.get(item.slot, item.payload_hash) != item.payload_hash for old in prior for item in old.items
        )
        kind = kind_of(step.kind)
        undo = kind.undo(request) if kind.undo else None
        mark = kind.mark(request) if kind.mark else None
        known = {"before": before, "first": first, "undo": undo, "mark": mark}
        told = {**(wanted or {}), **{name: value for name, value in known.items() if value}}
        intent = self.ledger.open_intent(
            self.run_id,
            phase,
            lane,
            step.kind,
            step.action,
            [item_of(row) for row in step.rows],
            told or None,
            supersedes=[old.intent_id for old in prior],
        )
        # An earlier run may have made its last attempt just before this one began.
        lost = _Lost(since=self._began if prior else None, maybe=bool(prior))
        return _Begun(intent, lost, intent.opened_at if first is None else first, changed, before)

    def _before(self, step: Step, request: Request, prior: Sequence[Intent]) -> dict[str, Any]:
        before = kind_of(step.kind).before
        if before is None:
            return {}
        sent = [old for old in prior if old.action == "send"]
        for old in sent:
            told: dict[str, Any] | None = old.told("before")
            if told is not None:
                return told
        row = step.rows[0]
        there = self.ledger.settled(row.phase, [], [row.slot]).get(row.slot)
        if there is not None or sent:
            # What is there now may be ours: it counts as what its receipt says, or what was begun.
            return {"existed": there is not None and there.outcome == "adopted"}
        return self._retrying(lambda _lost: before(self.talker, request), _Lost(), 0.0)

    # --- one call until it is answered

    def _persist(
        self, begun: _Begun, request: Request, wanted: Mapping[str, Any] | None, youngest: float, *, final: bool
    ) -> tuple[Took, bool]:
        kind = kind_of(request.kind)
        found = False

        def attempt(lost: _Lost) -> Took:
            nonlocal found
            if lost.since is not None:
                if wanted is not None:
                    sought = {**wanted, "since": begun.first}
                    verdict = self._look(request.kind, sought, lost, waits=final)
                    if isinstance(verdict, Found):
                        found = True
                        undo = undo_of_found(request.kind, verdict.intercom_id)
                        return Took(verdict.intercom_id, "created", writes=0, undo=undo)
                    lost.maybe = False
                elif kind.check is not None:
                    if kind.check(self.talker, request):
                        found = True
                        # What the answer would have said, for something that is so already.
                        return replace(kind.send(_Silent(self.client, self.ledger, self.files), request), writes=0)
                    lost.maybe = False
                lost.since = None
            again = replace(request, repeated=lost.maybe)
            return self._noting(lost, lambda: kind.send(self.talker, again))

        return self._retrying(attempt, begun.lost, youngest), found

    def _noting(self, lost: _Lost, send: Callable[[], Took]) -> Took:
        try:
            return send()
        except LostError as error:
            lost.since, lost.finished, lost.maybe = self.clock.monotonic(), error.finished, True
            raise

    def _retrying(self, attempt: Callable[[_Lost], T], lost: _Lost, youngest: float) -> T:
        not_yet = 0

        def is_new(error: CallError) -> bool:
            """Whether what is said not to be there was created a moment ago."""
            nonlocal not_yet
            if not isinstance(error, GoneError) or self.clock.time() - youngest >= FRESH:
                return False
            not_yet += 1
            return not_yet < FRESH_ATTEMPTS

        return repeated(lambda: attempt(lost), sleep=self.sleep, count=lambda: self.figures.add("retries"), also=is_new)

    # --- looking up

    def _look(self, kind_name: str, wanted: Mapping[str, Any], lost: _Lost, *, waits: bool) -> Found | Absent:
        """Look until it is found, or until it would have to be there.

        Raises:
            UndecidedError: something is there that may be it or not.
            _NotYetError: it would not have to be there for a good while.
        """
        kind = kind_of(kind_name)
        patience = 0.0 if lost.finished else self.settings.commit_grace
        if kind.searches:
            patience = max(patience, self.settings.search_lag)
        if kind.find is None or lost.since is None:
            return Absent()
        while True:
            verdict = kind.find(self.talker, wanted)
            if isinstance(verdict, Undecided):
                there = f"made {', '.join(verdict.ids)} or not" if verdict.ids else "added a part that cannot be read"
                raise UndecidedError(f"a call without answer may have {there}", code="unknown")
            left = patience - (self.clock.monotonic() - lost.since)
            if isinstance(verdict, Found) or left <= 0:
                return verdict
            if left > SHORT and not waits:
                raise _NotYetError(self.clock.monotonic() + left)
            self.sleep(min(LOOK_EVERY, left))

    def resolve_earlier(self) -> Sequence[str]:
        """Find out what became of appended things that an earlier run had under way when it was cut off.

        Returns:
            The slots of which that cannot be told; each has a dead letter.

        Raises:
            UnreachableError: Intercom does not answer.
        """
        unknown = []
        for intent in self.ledger.open_intents():
            if not kind_of(intent.kind).append_only or intent.fingerprint is None:
                continue
            slot = intent.items[0].slot
            about = log.about(run=self.run_id, phase=intent.phase, kind=intent.kind, slot=slot, attempt=1)
            try:
                with about:
                    made = self.made_by(intent)
            except UndecidedError as error:
                letter = dead_letter(
                    intent.items[0],
                    lane=intent.lane,
                    phase=intent.phase,
                    kind=intent.kind,
                    reason=UNKNOWN,
                    error=error,
                    cause=None,
                    run_id=self.run_id,
                    at=self.clock.time(),
                )
                self.ledger.note(self.run_id, dead=[letter])
                unknown.append(slot)
                continue
            except (LostError, AgainError) as error:
                raise UnreachableError(
                    f"Intercom does not answer: {error}. Run the same command again later."
                ) from error
            settle_earlier(self.ledger, self.run_id, intent, made)
            if made is not None:
                self.figures.add("found")
            self.log("resolved", slot=slot, outcome="absent" if made is None else "found")
        return unknown

    def made_by(self, intent: Intent) -> str | None:
        """Look up what an unanswered call of an earlier run appended. Returns its id; None when it appended nothing.

        Raises:
            UndecidedError: something is there that may be it or not.
            CallError: Intercom does not answer, or refuses to show it.
        """
        wanted = {**(intent.fingerprint or {}), "since": intent.told("first", intent.opened_at)}

        def attempt(lost: _Lost) -> Found | Absent:
            return self._look(intent.kind, wanted, lost, waits=True)

        try:
            verdict = self._retrying(attempt, _Lost(self._began), 0.0)
        except GoneError:
            return None  # the conversation itself is gone: nothing took effect in it
        return verdict.intercom_id if isinstance(verdict, Found) else None

    def take_back_unplanned(self, uncertain: Mapping[str, Sequence[Intent]], planned: set[str]) -> None:
        """Take back what a cut-off run may have set and the plan no longer names.

        Args:
            uncertain: slots with the calls of earlier runs whose fate is unknown.
            planned: those of these slots that the plan names.

        Raises:
            ParkedError: Intercom does not answer.
            CallError: Intercom refuses.
            StoppedError: the run cannot go on.
        """
        for slot, intents in uncertain.items():
            for intent in intents:
                undo = intent.told("undo")
                if slot in planned or undo is None or self.ledger.settled(intent.phase, [], [slot]):
                    continue
                if intent.told("before", {}).get("existed"):  # somebody else's, whatever became of the call
                    continue
                begun = _Begun(intent, _Lost(maybe=True), intent.opened_at, changed=False, before={})
                self._send_undo(slot, begun, undo)
                self.ledger.close_intent(intent, "absent", run_id=self.run_id)

    # --- waiting

    def sleep(self, seconds: float) -> None:
        """Sleep in slices, so that the end of the run is not waited for.

        Raises:
            InterruptedWaitError: the run ends.
        """
        while True:
            if self._stop.is_set():
                raise InterruptedWaitError
            if seconds <= 0:
                return
            self.clock.sleep(min(seconds, 0.25))
            seconds -= 0.25

    @contextmanager
    def _alone(self, twins: tuple[Any, ...] | None) -> Iterator[None]:
        """Let only one of several calls that a search could take for each other be under way."""
        if twins is None:
            yield
            return
        key = json.dumps(twins)
        with self._lock:
            lock, users = self._twins.setdefault(key, (threading.Lock(), []))
            users.append(1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                users.pop()
                if not users:
                    self._twins.pop(key, None)

    def log(self, event: str, **fields: Unpack[log.Fields]) -> None:
        """Write a line about this run."""
        fields["run"] = self.run_id
        log.event(event, **fields)


class _Silent(Talker):
    """Answers as Intercom would have, without asking it."""

    def call(
        self,
        _method: str,
        _path: str,
        _payload: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,  # noqa: ARG002
        reads: bool = False,  # noqa: ARG002
    ) -> Answer:
        return Answer({}, None)


def settle_earlier(ledger: Ledger, run_id: str, intent: Intent, intercom_id: str | None) -> None:
    """Write down what became of an appended thing whose call was never answered.

    Args:
        ledger: to write to.
        run_id: the run that found out.
        intent: the call.
        intercom_id: of what it made; None when it made nothing.
    """
    item = intent.items[0]
    if intercom_id is None:
        ledger.close_intent(intent, "absent", run_id=run_id, alive=[item.slot])
        return
    receipt = intent.receipt(intercom_id, "created", undo_of_found(intent.kind, intercom_id))
    ledger.close_intent(intent, "found", run_id=run_id, receipts=[receipt], alive=[item.slot])


def item_of(row: Row) -> Item:
    """What the ledger keeps of a row that a call settles."""
    return Item(
        row.slot, row.content_hash, row.payload_hash, row.creates, row.on_absent, row.source_table, row.source_id
    )


def _json(undo: Mapping[str, Any] | None) -> str | None:
    return json.dumps(undo) if undo else None


def _receipt(
    row: Row, took: Took | None, outcome: str, there: Settled | None, fingerprint: Mapping[str, Any] | None = None
) -> Receipt:
    intercom_id = took.intercom_id if took else None
    if there is not None and there.intercom_id == intercom_id and there.outcome in {"created", "adopted"}:
        outcome = there.outcome  # what was created here stays so, however often it is changed
    return Receipt(
        row.slot,
        row.lane,
        row.phase,
        row.kind,
        row.content_hash,
        row.payload_hash,
        row.creates,
        row.on_absent,
        intercom_id,
        outcome,
        _json(took.undo if took else None),
        row.source_table,
        row.source_id,
        visibility(fingerprint),
    )
