"""Takes a load back: only what the ledger says was made here, in reverse order, and proves it by reading back.

Looked at, intent, call, receipt: so a rollback that is killed goes on where it was, and a load after it knows what is
still in Intercom. What a person has changed since is kept and listed. What existed before gets its former values back.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from load import log
from load.client import Client, Figures
from load.clock import Clock, SystemClock
from load.engine import check_settings, check_workspace
from load.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_LEFT_OVER,
    AgainError,
    GoneError,
    LostError,
    NotInLedgerError,
    RejectedError,
    StoppedError,
    UnreachableError,
    WorkspaceError,
)
from load.kinds import STORED
from load.ledger import Intent, Ledger, Settled, exclusive
from load.pace import Pace
from load.publish import publish
from load.retries import repeated
from load.rollback.desk import Desk
from load.rollback.endings import FORGET_METRICS, INCLUDE_CHANGED, KEPT, LAG, ROLLBACK, endings, ends_with, interrupted
from load.rollback.known import Known, why_files_stay
from load.rollback.owned import Selection, Unit, Units, require_known
from load.rollback.proof import Taken, is_back, taken, taken_number, values_hash
from load.rollback.report import Count, Kept, Outlook, RollbackResult, Tick
from load.rollback.rules import (
    OBJECT_PATHS,
    Call,
    Thing,
    changed_value,
    restoration,
    rules,
    set_value,
    setting_back,
    value_names,
)
from load.rollback.unfinished import finish_calls
from load.settings import Settings
from load.storage import FileStorage

WORKERS = 16
"""Lanes at a time."""
PAGE = 100
"""Lanes for which the warehouse is read at once."""
STORES = "file.store"
PROVED_AT_ONCE = 1_000
"""Records that are read back before the ledger is asked for more."""

T = TypeVar("T")


def outlook(settings: Settings, selection: Selection) -> Outlook:
    """Say what a rollback would do, from the ledger alone.

    Raises:
        NotInLedgerError: the ledger does not know what was asked for.
    """
    _require_ledger(settings)
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
    _require_ledger(settings)
    with (
        exclusive(settings.ledger),
        _opened(settings, selection, clock) as ledger,
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


def _require_ledger(settings: Settings) -> None:
    if not settings.ledger.is_file():
        raise NotInLedgerError(
            f"there is no ledger {settings.ledger}: nothing was loaded with it. Set LEDGER__PATH to that of the load."
        )


def _opened(settings: Settings, selection: Selection, clock: Clock | None) -> Ledger:
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
        self._pace = Pace(0, clock)
        self._last_beat = 0.0
        self._phase_now: int | None = None
        self._files_stay: str | None = None

    # --- the run

    def go(self, on_plan: Callable[[Outlook], None] | None) -> RollbackResult:
        self.rules = rules(retain_metrics=self.retain_metrics)
        started = self.clock.monotonic()
        self.run_id = self.ledger.start_run(f"{ROLLBACK}: {self._asked}")
        log.event("run started", run=self.run_id)
        state, reason, exit_code = "finished", None, EXIT_DONE
        try:
            planned = self._prepared()
            self.ledger.announce(self.run_id, planned.announced)
            self._pace = Pace(self._total, self.clock)
            self._pace.note(0, self.figures.requests, None)
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

    @property
    def _asked(self) -> str:
        """What this run was told to do, as it is kept with it."""
        switches = ((INCLUDE_CHANGED, self.include_changed), (FORGET_METRICS, not self.retain_metrics))
        return " ".join([str(self.selection), *(name for name, is_on in switches if is_on)])

    def _prepared(self) -> Outlook:
        """Settle what is open, so that everything that was made is known. Returns what is to be done then."""
        for intent in interrupted(self.ledger):
            slot = intent.items[0].slot
            # Whatever it did, doing it again is right: what is gone is noted as gone. What this run leaves alone
            # stays open, so that the next load, or a rollback of it, finds out.
            if self.units.hold(slot) or slot not in self.ledger.settled(intent.phase, [], [slot]):
                self.ledger.close_intent(intent, "absent", run_id=self.run_id)
        kept = finish_calls(self.settings, self.ledger, self.client, self.files, self.selection, self.run_id)
        self._kept += [Kept(slot, kind, None, why) for slot, kind, why in kept]
        self.units.refill()
        planned = _outlook(self.ledger, self.units, self.selection)
        self._total = sum(count.number for count in planned.counts if count.action != "with")
        if any(count.kind == STORES for count in planned.counts):
            self._files_stay = why_files_stay(self.settings, self.clock)
        return planned

    def _end(self, state: str, reason: str | None) -> None:
        log.event("run ended", run=self.run_id, state=state, number=sum(self._written.values()))
        with suppress(StoppedError):  # a full disk must not hide what stopped the run; the next run marks this one
            self.ledger.note_figures(self.run_id, self._counted(), self.client.limiter.limit)
            self.ledger.end_run(self.run_id, state, reason)

    def _phase(self, phase: int) -> None:
        """Lanes in parallel; what is next waits until all of them have ended, since it may be used by them."""
        self._phase_now = phase
        known = Known(self.settings, self.ledger, self.units, self.clock)
        for page in self.units.lanes(phase, PAGE):
            things = known.things(page)
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
                    self._beat()
            finally:
                if running:
                    self._stop.set()
                for future in running:
                    future.cancel()
        if self._failure is not None:
            raise self._failure

    def _beat(self) -> None:
        """Once a second: what `status` shows."""
        now = self.clock.monotonic()
        if now - self._last_beat < 1.0:
            return
        self._last_beat = now
        limit = self.client.limiter.limit
        self._pace.note(self._done, self.figures.requests, limit)
        self.ledger.note_figures(self.run_id, {**self._counted(), **self._pace.speed.as_figures()}, limit)
        if self._phase_now is not None:
            self._tick(self._phase_now)

    def _counted(self) -> dict[str, int | Mapping[str, int]]:
        """Requests, and what was kept."""
        with self._lock:
            kept = Counter(one.reason for one in self._kept)
        return {**self.figures.as_dict(), **({KEPT: dict(kept.most_common())} if kept else {})}

    def _lane(self, pairs: Sequence[tuple[Unit, Thing]], phase: int) -> None:
        for unit, thing in pairs:
            if self._stop.is_set():
                return
            with log.about(run=self.run_id, phase=phase, kind=thing.kind, slot=unit.slot, attempt=1):
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
        if thing.kind == STORES and self._files_stay:
            self._keep(thing, self._files_stay)
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
        intent = self._open(settled, {"taking": "restore", "names": names, "values": values_hash(back.payload, names)})
        try:
            request_id = self._call(Call("PUT", path, back.payload))
        except RejectedError as error:
            self.ledger.close_intent(intent, "refused", run_id=self.run_id, request_id=error.request_id)
            self._keep(thing, f"Intercom refused its former values ({error.status} {error.code})", error.request_id)
            return
        self._close(intent, [settled], request_id)

    def _unset(self, thing: Thing, settled: Settled) -> None:
        call = setting_back(thing)
        if call is None:
            self._release(settled, self._left)
            return
        if not thing.undo:
            shown = self.desk.show(call.path)
            if shown is None or set_value(thing, shown) is None:
                self._release(settled, self._gone)
                return
            changed = [] if self.include_changed else changed_value(thing, shown)
            if changed:
                self._keep(thing, ", ".join(changed))
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

    # --- intents and receipts

    def _open(self, settled: Settled, fingerprint: Mapping[str, Any]) -> Intent:
        return self.ledger.open_intent(
            self.run_id, settled.phase, settled.lane, settled.kind, ROLLBACK, [settled.item], fingerprint
        )

    def _close(self, intent: Intent, ended: Sequence[Settled], request_id: str | None) -> None:
        self.ledger.close_intent(intent, "answered", run_id=self.run_id, request_id=request_id, receipts=endings(ended))
        own = intent.items[0].slot
        with self._lock:
            self._written[intent.kind] += 1
            self._left.update(one.kind for one in ended if one.slot != own)

    def _release(self, settled: Settled, counter: Counter[str]) -> None:
        """Nothing has to be called; what hangs on an object that is gone ends with it."""
        ended = ends_with(self.ledger, settled) if settled.outcome == "created" else [settled]
        self.ledger.note(self.run_id, receipts=endings(ended))
        with self._lock:
            counter[settled.kind] += 1
            self._left.update(one.kind for one in ended if one.slot != settled.slot)

    def _keep(self, thing: Thing, why: str, request_id: str | None = None) -> None:
        with self._lock:
            self._kept.append(Kept(thing.slot, thing.kind, thing.intercom_id, why, request_id))

    # --- one call

    def _call(self, call: Call) -> str | None:
        """Make a call until it is answered; what is gone already is as good. Returns Intercom's id of the request.

        Raises:
            RejectedError: Intercom refuses.
            UnreachableError: no answer after several attempts.
        """
        if call.path.startswith(STORED):
            return self._again(lambda: self.files.remove(call.path.removeprefix(STORED)))
        try:
            answer = self._again(lambda: self.client.call(call.method, call.path, call.payload, query=call.query))
        except GoneError as error:
            return error.request_id
        return answer.request_id

    def _again(self, work: Callable[[], T]) -> T:
        try:
            return repeated(work, sleep=self._sleep, count=lambda: self.figures.add("retries"))
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

    # --- the proof

    def _prove(self) -> None:
        """Read back everything that this rollback, and those that were cut off before it, took back."""
        desk = Desk(self.client, self.ledger, self.files)
        self._phase_now, self._done, self._total = 0, 0, taken_number(self.ledger)
        self._pace = Pace(self._total, self.clock)
        self._pace.note(0, self.figures.requests, None)
        waiting = [one for page in taken(self.ledger, PROVED_AT_ONCE) for one in self._not_back(desk, page)]
        for pause in LAG:
            if not any(one.lags for one in waiting):
                break
            self._sleep(pause)
            waiting = self._not_back(desk, waiting)
        self._still += [_still_there(one) for one in waiting]

    def _not_back(self, desk: Desk, asked: Sequence[Taken]) -> list[Taken]:
        there: list[Taken] = []

        def look(one: Taken) -> None:
            back = is_back(desk, one)
            with self._lock:
                if back:
                    self._proved[one.kind] += 1
                    self._done += 1
                else:
                    there.append(one)
            self._tick(0)

        self._each(asked, look)
        return there


def _still_there(one: Taken) -> Kept:
    return Kept(one.slot, one.kind, one.intercom_id, "Intercom accepted that it is taken back, and still shows it")
