"""Takes a load back: only what the ledger says was made here, in reverse order, and proves it by reading back.

Looked at, intent, call, receipt: so a rollback that is killed goes on where it was, and a load after it knows what is
still in Intercom. What a person has changed since is kept and listed. What existed before gets its former values back.
"""

import hashlib
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import text
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from load import former, warehouse
from load.client import TOO_MANY, Client, Figures
from load.clock import Clock, SystemClock
from load.desk import Desk
from load.endings import LAG, ROLLBACK, ROLLED_BACK, endings, ends_with, interrupted, item_of, thing_of
from load.engine import check_settings, check_workspace
from load.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_LEFT_OVER,
    AgainError,
    GateError,
    GoneError,
    LostError,
    NotInLedgerError,
    RejectedError,
    StoppedError,
    TemplateError,
    UnreachableError,
    WorkspaceError,
)
from load.ledger import Intent, Ledger, Settled, exclusive
from load.owned import Action, Selection, Unit, Units, below, by_kind, require_known
from load.publish import Published, publish
from load.settings import Settings
from load.storage import FileStorage
from load.taking_back import (
    OBJECT_PATHS,
    ON_CONTACT,
    Call,
    Thing,
    contact_of,
    part_of,
    restoration,
    rules,
    setting_back,
    setting_is_back,
    shown_values,
    value_names,
    was_before,
)
from load.templates import fill
from load.unfinished import finish_calls
from load.warehouse import Payload

ATTEMPTS = 8
"""Attempts at one call; waiting for the rate limit is not counted."""
WORKERS = 16
"""Lanes at a time."""
PAGE = 100
"""Lanes for which the warehouse is read at once."""

T = TypeVar("T")


@dataclass(frozen=True)
class Count:
    """How many slots of a kind meet what."""

    phase: int
    kind: str
    action: Action
    number: int


@dataclass(frozen=True)
class Outlook:
    """What a rollback would do.

    Attributes:
        selection: what was asked for.
        counts: per kind, in the order of taking back.
        writes: calls that change something, at most: what a person has changed is kept.
        reads: calls that look and prove.
        unresolved: calls without answer; those that made something are finished first.
        requests_per_window: the workspace's limit as it was last seen.
    """

    selection: Selection
    counts: tuple[Count, ...]
    writes: int
    reads: int
    unresolved: int
    requests_per_window: int | None

    def seconds(self, requests_per_window: int) -> float:
        """The time that the limit allows at best."""
        return (self.writes + self.reads) / requests_per_window * 10

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "selection": str(self.selection),
            "counts": [asdict(count) for count in self.counts],
            "writes": self.writes,
            "reads": self.reads,
            "unresolved": self.unresolved,
            "requests_per_window": self.requests_per_window,
        }


@dataclass(frozen=True)
class Kept:
    """What was not taken back.

    Attributes:
        why: names of fields and numbers, no values.
        request_id: Intercom's, when it refused.
    """

    slot: str
    kind: str
    intercom_id: str | None
    why: str
    request_id: str | None = None


@dataclass(frozen=True)
class Tick:
    """Where a rollback stands: the phase, or 0 while it proves; slots done and to be done."""

    phase: int
    done: int
    total: int
    kept: int


@dataclass(frozen=True)
class RollbackResult:
    """What a rollback did.

    Attributes:
        state: finished, stopped or interrupted.
        reason: why it stopped.
        written: accepted writes per kind.
        gone: what was gone already, per kind.
        left: what needed nothing, per kind: it was there before the load, or went with another object.
        kept: what was not taken back, and why.
        proved: what was read back and is as before the load, per kind.
        still_there: what reading back still shows.
        figures: counts of requests.
        exit_code: for the command line.
    """

    run_id: str
    selection: Selection
    state: str
    reason: str | None
    written: Mapping[str, int]
    gone: Mapping[str, int]
    left: Mapping[str, int]
    kept: tuple[Kept, ...]
    proved: Mapping[str, int]
    still_there: tuple[Kept, ...]
    figures: Mapping[str, int]
    seconds: float
    published: Published
    exit_code: int

    @property
    def sentence(self) -> str:
        """What is in Intercom and what isn't, in one sentence."""
        taken = f"{sum(self.written.values()):,} taken back, {sum(self.proved.values()):,} proved by reading back"
        gone = f", {sum(self.gone.values()):,} were gone already" if self.gone else ""
        if self.state != "finished" and not self.still_there:
            return f"The rollback was {self.state}: {taken}{gone}. {self.reason}"
        left = f"{len(self.kept):,} kept" if self.kept else "nothing of it is left"
        there = f"; {len(self.still_there):,} still there although Intercom accepted" if self.still_there else ""
        return f"{taken}{gone}; {left}{there}."

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "run_id": self.run_id,
            "selection": str(self.selection),
            "state": self.state,
            "reason": self.reason,
            "written": dict(self.written),
            "gone_already": dict(self.gone),
            "left_alone": dict(self.left),
            "kept": [asdict(one) for one in self.kept],
            "proved": dict(self.proved),
            "still_there": [asdict(one) for one in self.still_there],
            "requests": dict(self.figures),
            "seconds": round(self.seconds, 1),
            "published": {"receipts": self.published.receipts, "message": self.published.message},
            "sentence": self.sentence,
            "exit_code": self.exit_code,
        }


def outlook(settings: Settings, selection: Selection) -> Outlook:
    """Say what a rollback would do, from the ledger alone.

    Raises:
        NotInLedgerError: the ledger does not know what was asked for.
    """
    with _opened(settings, selection, None) as ledger, Units(settings.ledger, selection) as units:
        return _outlook(ledger, units, selection)


def rollback(
    settings: Settings,
    selection: Selection,
    *,
    include_changed: bool = False,
    retain_metrics: bool = True,
    workers: int = WORKERS,
    clock: Clock | None = None,
    client: Client | None = None,
    on_plan: Callable[[Outlook], None] | None = None,
    on_tick: Callable[[Tick], None] | None = None,
) -> RollbackResult:
    """Take back what the ledger says was made here. Ctrl-C ends what is under way; it can be resumed.

    Args:
        settings: where everything is.
        selection: what.
        include_changed: also what a person has changed since.
        retain_metrics: leave deleted conversations in reports, as the API does by default; without, the token needs
            the scope `delete_conversations_and_metrics` (conversations: delete).
        workers: lanes at a time.
        clock: where time comes from.
        client: a client to use and to leave open; by default one is made from the settings.
        on_plan: told what is going to be done, before it is.
        on_tick: told about progress.

    Raises:
        RefusedError: a guard refused, before the first write.
        LoadError: a bug; what was done is in the ledger.
    """
    clock = clock or SystemClock()
    check_settings(settings)
    with (
        _opened(settings, selection, clock) as ledger,
        exclusive(settings.ledger),
        Units(settings.ledger, selection) as units,
    ):
        bound = ledger.workspace()
        if bound is None or bound[0] != settings.intercom.workspace_id:
            raise WorkspaceError(
                f"the ledger {settings.ledger} belongs to workspace {bound[0] if bound else 'none'}, but "
                f"INTERCOM__WORKSPACE_ID is {settings.intercom.workspace_id}. Set the one or the other right."
            )
        ours = client or Client(settings.intercom, clock=clock, connections=workers + 2)
        try:
            check_workspace(ours, settings.intercom)
            run = _Run(settings, selection, ledger, units, ours, clock, on_tick)
            run.include_changed, run.retain_metrics, run.workers = include_changed, retain_metrics, workers
            return run.go(on_plan)
        finally:
            if client is None:
                ours.close()


def _opened(settings: Settings, selection: Selection, clock: Clock | None) -> Ledger:
    if not settings.ledger.is_file():
        raise NotInLedgerError(
            f"there is no ledger {settings.ledger}: nothing was loaded with it. Set LEDGER__PATH to that of the load."
        )
    ledger = Ledger(settings.ledger, clock=clock)
    try:
        require_known(settings.ledger, selection)
    except BaseException:
        ledger.close()
        raise
    return ledger


def _outlook(ledger: Ledger, units: Units, selection: Selection) -> Outlook:
    counts = tuple(Count(*row) for row in units.counts())
    known = rules(retain_metrics=True)
    looks = sum(count.number * known[count.kind].reads for count in counts if count.action == "take")
    others = sum(count.number for count in counts if count.action in {"restore", "unset"})
    writes = sum(count.number for count in counts if count.action in {"take", "restore", "unset"})
    return Outlook(
        selection, counts, writes, looks + 2 * others, len(ledger.open_intents()), ledger.requests_per_window()
    )


class _InterruptedError(Exception):
    """The run was told to end while a worker was waiting."""


class _Run:
    include_changed = False
    retain_metrics = True
    workers = WORKERS

    def __init__(
        self,
        settings: Settings,
        selection: Selection,
        ledger: Ledger,
        units: Units,
        client: Client,
        clock: Clock,
        on_tick: Callable[[Tick], None] | None,
    ) -> None:
        self.settings, self.selection, self.ledger, self.units = settings, selection, ledger, units
        self.client, self.clock, self.on_tick = client, clock, on_tick
        self.files = FileStorage(settings.file_folder)
        self.desk = Desk(client, ledger, self.files)
        self.figures: Figures = client.figures
        self.run_id = ""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self._written: Counter[str] = Counter()
        self._gone: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._kept: list[Kept] = []
        self._proved: Counter[str] = Counter()
        self._still: list[Kept] = []
        self._done = self._total = 0

    # --- the run

    def go(self, on_plan: Callable[[Outlook], None] | None) -> RollbackResult:
        self.rules = rules(retain_metrics=self.retain_metrics)
        started = self.clock.monotonic()
        self.run_id = self.ledger.start_run(f"{ROLLBACK}: {self.selection}")
        state, reason, exit_code = "finished", None, EXIT_DONE
        try:
            planned = self._prepared()
            self.ledger.announce(self.run_id, _announced(planned))
            if on_plan is not None:
                on_plan(planned)
            for phase in self.units.phases():
                self._phase(phase)
            self._prove()
            if self._still:
                state, reason = "stopped", f"{len(self._still)} were accepted by Intercom and are still there"
            if self._kept or self._still:
                exit_code = EXIT_LEFT_OVER
        except KeyboardInterrupt:
            state, reason, exit_code = "interrupted", "interrupted from the keyboard", EXIT_INTERRUPTED
        except StoppedError as error:
            state, reason, exit_code = "stopped", str(error), error.exit_code
        except BaseException as error:
            self._end("stopped", type(error).__name__)
            raise
        self._end(state, reason)
        return RollbackResult(
            run_id=self.run_id,
            selection=self.selection,
            state=state,
            reason=reason,
            written=dict(self._written),
            gone=dict(self._gone),
            left=dict(self._left),
            kept=tuple(sorted(self._kept, key=lambda one: one.slot)),
            proved=dict(self._proved),
            still_there=tuple(self._still),
            figures=self.figures.as_dict(),
            seconds=self.clock.monotonic() - started,
            published=publish(self.settings.ledger, self.settings.warehouse, clock=self.clock),
            exit_code=exit_code,
        )

    def _prepared(self) -> Outlook:
        """Settle what is open, so that everything that was made is known. Returns what is to be done then."""
        for intent in interrupted(self.ledger):
            # Whatever it did, doing it again is right: what is gone is noted as gone.
            self.ledger.close_intent(intent, "absent", run_id=self.run_id)
        kept = finish_calls(self.settings, self.ledger, self.client, self.files, self.selection, self.run_id)
        self._kept += [Kept(slot, kind, None, why) for slot, kind, why in kept]
        self.units.refill()
        planned = _outlook(self.ledger, self.units, self.selection)
        for count in planned.counts:
            if count.action == "with":
                self._left[count.kind] += count.number
            else:
                self._total += count.number
        return planned

    def _end(self, state: str, reason: str | None) -> None:
        self.ledger.note_figures(self.run_id, self.figures.as_dict(), self.client.limiter.limit)
        self.ledger.end_run(self.run_id, state, reason)

    def _phase(self, phase: int) -> None:
        """Lanes in parallel; what is next waits until all of them have ended, since it may be used by them."""
        for page in self.units.lanes(phase, PAGE):
            things = self._things(page)
            self._each(things, lambda pairs: self._lane(pairs, phase))
        self._tick(phase)

    def _each(self, jobs: Sequence[T], work: Callable[[T], None]) -> None:
        """Do jobs in parallel; on an error or Ctrl-C what is under way ends and the rest never begins."""

        def guarded(job: T) -> None:
            if self._stop.is_set():
                return
            try:
                work(job)
            except _InterruptedError:
                return
            except BaseException as error:  # noqa: BLE001 - raised again by the main thread
                with self._lock:
                    self._failure = self._failure or error
                self._stop.set()

        with ThreadPoolExecutor(self.workers, thread_name_prefix="worker") as pool:
            running: set[Future[None]] = {pool.submit(guarded, job) for job in jobs}
            try:
                while running:
                    _done, running = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            finally:
                if running:
                    self._stop.set()
                for future in running:
                    future.cancel()
        if self._failure is not None:
            raise self._failure

    def _lane(self, pairs: Sequence[tuple[Unit, Thing]], phase: int) -> None:
        for unit, thing in pairs:
            if self._stop.is_set():
                return
            self._take(unit, thing)
            with self._lock:
                self._done += 1
            self._tick(phase)

    def _tick(self, phase: int) -> None:
        if self.on_tick is not None:
            with self._lock:
                self.on_tick(Tick(phase, self._done, self._total, len(self._kept)))

    # --- one thing

    def _take(self, unit: Unit, thing: Thing) -> None:
        settled = self.ledger.settled(unit.phase, [], [unit.slot]).get(unit.slot)
        if settled is None:  # it went with another object
            with self._lock:
                self._left[unit.kind] += 1
            return
        match unit.action:
            case "take":
                self._remove(thing, settled)
            case "restore":
                self._restore(thing, settled)
            case "unset":
                self._unset(thing, settled)
            case "leave":
                self._release(settled, self._left)
            case _:
                self._keep(thing, "Intercom takes this back only with the whole conversation: --conversation")

    def _remove(self, thing: Thing, settled: Settled) -> None:
        rule = self.rules[thing.kind]
        shown = rule.shown(self.desk, thing)
        if shown is None:
            self._release(settled, self._gone)
            return
        changed = [] if self.include_changed else rule.changed(self.desk, thing, shown)
        if changed:
            self._keep(thing, ", ".join(changed))
            return
        intent = self._open(settled, {"taking": "remove"})
        try:
            request_id = self._call(rule.taking(thing))
        except RejectedError as error:
            self.ledger.close_intent(intent, "refused", run_id=self.run_id, request_id=error.request_id)
            why = rule.refusals.get(error.code, "Intercom refused it")
            self._keep(thing, f"{why} ({error.status} {error.code})", error.request_id)
            return
        self._close(intent, ends_with(self.ledger, settled), request_id)

    def _restore(self, thing: Thing, settled: Settled) -> None:
        path = OBJECT_PATHS[thing.kind].format(thing.intercom_id)
        shown = self.desk.show(path)
        if shown is None or shown.get("merged"):
            self._release(settled, self._gone)
            return
        back = restoration(thing, shown, include_changed=self.include_changed)
        if back.kept:
            self._keep(thing, ", ".join(back.kept))
            return
        if not back.payload:
            self._release(settled, self._left)
            return
        names = value_names(back.payload)
        intent = self._open(settled, {"taking": "restore", "names": names, "values": _hash(back.payload, names)})
        try:
            request_id = self._call(Call("PUT", path, back.payload))
        except RejectedError as error:
            self.ledger.close_intent(intent, "refused", run_id=self.run_id, request_id=error.request_id)
            self._keep(thing, f"Intercom refused its former values ({error.status} {error.code})", error.request_id)
            return
        self._close(intent, [settled], request_id)

    def _unset(self, thing: Thing, settled: Settled) -> None:
        call = setting_back(thing)
        before = self._was_before(thing)
        if before is None:
            self._keep(thing, "no extract from before the load tells whether the contact had it already")
            return
        if before or call is None:
            self._release(settled, self._left)
            return
        undo = json.dumps({"method": call.method, "path": call.path, "payload": call.payload})
        intent = self._open(settled, {"taking": "unset"})
        try:
            request_id = self._call(call)
        except RejectedError as error:
            self.ledger.close_intent(intent, "refused", run_id=self.run_id, request_id=error.request_id)
            self._keep(thing, f"Intercom refused it ({error.status} {error.code})", error.request_id)
            return
        self._close(intent, [replace(settled, undo=undo)], request_id)

    def _was_before(self, thing: Thing) -> bool | None:
        made = "company.upsert" if thing.kind == "contact.company" else "tag.create"
        ours = thing.intercom_id is not None and self.ledger.made_here(made, thing.intercom_id)
        return was_before(thing, {thing.intercom_id or ""} if ours else ())

    # --- intents and receipts

    def _open(self, settled: Settled, fingerprint: Mapping[str, Any]) -> Intent:
        return self.ledger.open_intent(
            self.run_id, settled.phase, settled.lane, settled.kind, ROLLBACK, [item_of(settled)], fingerprint
        )

    def _close(self, intent: Intent, ended: Sequence[Settled], request_id: str | None) -> None:
        self.ledger.close_intent(intent, "answered", run_id=self.run_id, request_id=request_id, receipts=endings(ended))
        with self._lock:
            self._written[intent.kind] += 1

    def _release(self, settled: Settled, counter: Counter[str]) -> None:
        """Nothing has to be called; what hangs on an object that is gone ends with it."""
        ended = ends_with(self.ledger, settled) if settled.outcome == "created" else [settled]
        self.ledger.note(self.run_id, receipts=endings(ended))
        with self._lock:
            counter[settled.kind] += 1

    def _keep(self, thing: Thing, why: str, request_id: str | None = None) -> None:
        with self._lock:
            self._kept.append(Kept(thing.slot, thing.kind, thing.intercom_id, why, request_id))
            if thing.intercom_id:
                self.desk.kept.add(thing.intercom_id)

    # --- one call

    def _call(self, call: Call) -> str | None:
        """Make a call until it is answered; what is gone already is as good. Returns Intercom's id of the request.

        Raises:
            RejectedError: Intercom refuses.
            UnreachableError: no answer after several attempts.
        """
        if call.path.startswith("file:"):
            return self._again(lambda: self.files.remove(call.path.partition(":")[2]))
        try:
            answer = self._again(lambda: self.client.call(call.method, call.path, call.payload, query=call.query))
        except GoneError as error:
            return error.request_id
        return answer.request_id

    def _again(self, work: Callable[[], T]) -> T:
        failures = 0

        def worth_it(error: BaseException) -> bool:
            nonlocal failures
            if isinstance(error, AgainError) and error.status == TOO_MANY:
                return True
            failures += 1
            return isinstance(error, LostError | AgainError) and failures < ATTEMPTS

        exponential = wait_exponential_jitter(multiplier=0.5, max=30)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            # The limiter itself waits for the next window.
            return 0.0 if isinstance(error, AgainError) and error.status == TOO_MANY else exponential(state)

        try:
            return Retrying(
                retry=retry_if_exception(worth_it),
                wait=pause,
                sleep=self._sleep,
                before_sleep=lambda _state: self.figures.add("retries"),
                reraise=True,
            )(work)
        except (LostError, AgainError) as error:
            raise UnreachableError(
                f"Intercom does not answer: {error}. Run the same command again later: it goes on where it stopped."
            ) from error

    def _sleep(self, seconds: float) -> None:
        """Sleep in slices, so that the end of the run is not waited for."""
        while seconds > 0:
            if self._stop.is_set():
                raise _InterruptedError
            self.clock.sleep(min(seconds, 0.25))
            seconds -= 0.25

    # --- what is known of a thing

    def _things(self, page: Sequence[Sequence[Unit]]) -> list[list[tuple[Unit, Thing]]]:
        """Everything that the ledger and the warehouse know, read for some lanes at once."""
        units = [unit for lane in page for unit in lane]
        whole = {
            unit.slot: self._hanging(unit) for unit in units if unit.kind in {"conversation.create", "contact.upsert"}
        }
        settled = {one.slot: one for some in whole.values() for one in some}
        for phase in {unit.phase for unit in units}:
            settled |= self.ledger.settled(phase, [], [unit.slot for unit in units if unit.slot not in settled])
        planned, before = self._read(units, settled)
        return [
            [(unit, self._thing(unit, settled, whole, planned, before)) for unit in lane if unit.slot in settled]
            for lane in page
        ]

    def _hanging(self, unit: Unit) -> list[Settled]:
        first, before = below(unit.slot)
        with self.ledger.engine.connect() as db:
            rows = db.execute(
                text("select * from settled where slot = :slot or (slot >= :first and slot < :before)"),
                {"slot": unit.slot, "first": first, "before": before},
            )
            return [Settled(**row._mapping) for row in rows]  # noqa: SLF001

    def _thing(
        self,
        unit: Unit,
        settled: Mapping[str, Settled],
        whole: Mapping[str, Sequence[Settled]],
        planned: Mapping[str, Mapping[str, Any]],
        before: Mapping[str, Mapping[str, Any]],
    ) -> Thing:
        one = settled[unit.slot]
        hanging = [other for other in whole.get(unit.slot, ()) if other.slot != unit.slot]
        parts = dict(by_kind(hanging))
        owner = part_of(unit.slot)
        if unit.kind == "conversation.attribute" and owner is not None:
            known = self.ledger.object_id(owner)
            parts["conversation.create"] = frozenset({known[0]} if known else ())
        slots = [unit.slot, *(other.slot for other in hanging)]
        return replace(
            thing_of(one),
            made_at=unit.made_at,
            touched_at=max([one.received_at, *(other.received_at for other in hanging)]),
            planned={slot: planned[slot] for slot in slots if slot in planned},
            conflict=planned.get(_CONFLICT + unit.slot),
            parts=parts,
            former=before.get(unit.slot),
        )

    def _read(
        self, units: Sequence[Unit], settled: Mapping[str, Settled]
    ) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
        """What was sent, and what was there before, by slot; empty where the warehouse does not know."""
        wanted = {slot: one.payload_hash for slot, one in settled.items() if one.kind not in _TEXTS}
        try:
            with warehouse.reading(self.settings.warehouse, self.clock) as db:
                raw = warehouse.sent_payloads(db, wanted)
                asked = list(self._asked(units, settled))
                known = former.extracts(db, self.settings.intercom.workspace_id) if asked else []
                spans = [(slot, kind, one, former.newest_before(known, spans)) for slot, kind, one, spans in asked]
                objects = former.former_objects(db, [(kind, one, extract) for _, kind, one, extract in spans])
        except GateError:  # no warehouse: then nothing is known
            return {}, {}
        found = {slot: objects[kind, one] for slot, kind, one, _ in spans if (kind, one) in objects}
        return dict(self._filled(raw)), found

    def _asked(
        self, units: Sequence[Unit], settled: Mapping[str, Settled]
    ) -> Iterator[tuple[str, str, str, list[tuple[float, float]]]]:
        """Of which contacts and companies former values are needed, and when they were untouched."""
        for unit in units:
            if unit.action == "restore" and unit.intercom_id:
                yield unit.slot, unit.kind, unit.intercom_id, self.units.untouched(unit.slot)
            elif unit.kind in ON_CONTACT and unit.slot in settled:
                contact = contact_of(thing_of(settled[unit.slot]).undo)
                if contact is not None:
                    yield unit.slot, "contact.upsert", contact, self.units.untouched(part_of(unit.slot) or "")

    def _filled(self, raw: Mapping[str, Payload]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        def lookup(key: str) -> str | None:
            found = self.ledger.object_id(key)
            return found[0] if found else None

        for slot, payload in raw.items():
            for name, content in ((slot, payload.payload), (_CONFLICT + slot, payload.on_conflict)):
                if content is None:
                    continue
                try:
                    yield name, fill(json.loads(content), lookup, lambda _key: "")
                except TemplateError:  # it named something that is gone; so it can't be compared
                    continue

    # --- the proof

    def _prove(self) -> None:
        """Read back everything that this rollback, and those that were cut off before it, took back."""
        desk = Desk(self.client, self.ledger, self.files)
        waiting = list(self._taken())
        for pause in (0.0, *LAG):
            self._sleep(pause)
            waiting = self._not_back(desk, waiting)
            self._tick(0)
            if not any(one.lags for one in waiting):
                break
        self._still += [_still_there(one) for one in waiting]

    def _not_back(self, desk: Desk, asked: Sequence["_Taken"]) -> list["_Taken"]:
        there: list[_Taken] = []

        def look(one: _Taken) -> None:
            back = self._is_back(desk, one)
            with self._lock:
                if back:
                    self._proved[one.kind] += 1
                else:
                    there.append(one)

        self._each(asked, look)
        return there

    def _taken(self) -> Iterator["_Taken"]:
        query = text(
            "select r.slot, r.kind, r.phase, r.intercom_id, r.undo, i.fingerprint"
            " from receipts r join intents i on i.intent_id = r.intent_id"
            " where r.outcome = :outcome and i.action = :action and r.slot = json_extract(i.items, '$[0][0]')"
            " and r.run_id not in (select run_id from runs where state = 'finished')"
        )
        with self.ledger.engine.connect() as db:
            for row in db.execute(query, {"outcome": ROLLED_BACK, "action": ROLLBACK}):
                undo = json.loads(row.undo) if row.undo else None
                yield _Taken(row.slot, row.kind, row.phase, row.intercom_id, undo, json.loads(row.fingerprint or "{}"))

    def _is_back(self, desk: Desk, one: "_Taken") -> bool:
        taking = one.fingerprint.get("taking")
        if taking == "restore":
            shown = desk.show(OBJECT_PATHS[one.kind].format(one.intercom_id))
            names = list(one.fingerprint["names"])
            return shown is None or _digest(shown_values(shown, names)) == one.fingerprint["values"]
        if taking == "unset":
            return setting_is_back(desk, one.kind, one.undo or {})
        return self.rules[one.kind].shown(desk, one.thing) is None


_TEXTS = ("conversation.create", "conversation.reply")
"""Messages are told by their ids; their texts need not be read."""

_CONFLICT = "conflict of "
"""Before a slot: the payload for an object that exists."""


@dataclass(frozen=True)
class _Taken:
    slot: str
    kind: str
    phase: int
    intercom_id: str | None
    undo: Mapping[str, Any] | None
    fingerprint: Mapping[str, Any]

    @property
    def lags(self) -> bool:
        return self.kind == "company.upsert" and self.fingerprint.get("taking") == "remove"

    @property
    def thing(self) -> Thing:
        return Thing(self.slot, self.kind, self.phase, "created", self.intercom_id, 0.0, 0.0, self.undo)


def _still_there(one: _Taken) -> Kept:
    return Kept(one.slot, one.kind, one.intercom_id, "Intercom accepted that it is taken back, and still shows it")


def _announced(planned: Outlook) -> dict[str, dict[str, int]]:
    announced: dict[str, dict[str, int]] = defaultdict(dict)
    for count in planned.counts:
        if count.action in {"take", "restore", "unset"}:
            of_phase = announced[str(count.phase)]
            of_phase[count.kind] = of_phase.get(count.kind, 0) + count.number
    return announced


def _hash(payload: Mapping[str, Any], names: Sequence[str]) -> str:
    return _digest(shown_values(payload, names))


def _digest(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:32]
