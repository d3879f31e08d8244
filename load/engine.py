"""Sends what is due: intent, call, receipt, for every step, by several workers, so that a kill costs nothing.

Phases run one after another, lanes of a phase in parallel, the steps of a lane in order. A record that
Intercom refuses becomes a dead letter and stops its lane; the others go on. Before anything is planned, the
calls of earlier runs whose fate is unknown are looked up.
"""

import hashlib
import json
import logging
import re
import shutil
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential_jitter

from load import templates, warehouse
from load.client import TOO_MANY, Answer, Client, Figures
from load.clock import Clock, SystemClock
from load.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_LEFT_OVER,
    AgainError,
    CallError,
    GateError,
    GoneError,
    LostError,
    PlanChangedError,
    RejectedError,
    SettingsError,
    StoppedError,
    TemplateError,
    UndecidedError,
    UnreachableError,
    WorkspaceError,
)
from load.kinds import Absent, Found, Request, Took, Undecided, kind_of, send_undo, updated
from load.ledger import DeadLetter, Intent, Item, Ledger, Receipt, Settled, exclusive
from load.plan import Plan, Step, Worklist, decide_lanes, make_plan
from load.publish import Published, check_ledger, publish
from load.selection import Selection
from load.selection import check as check_selection
from load.settings import IntercomSettings, Settings
from load.sign_off import check_plan
from load.storage import FileStorage
from load.warehouse import Payload, Row

LOG = logging.getLogger(__name__)

WORKERS = 16
ATTEMPTS = 8
"""Attempts at one call; waiting for the rate limit is not counted."""
FRESH = 600.0
"""Seconds during which a 404 for what we have just created is not believed (conversations: create)."""
FRESH_ATTEMPTS = 6
HEAVY = 32 * 1024 * 1024
"""Bytes of files from which on only one such call is held in memory at a time."""

_ADDRESS = re.compile(r"[^\s<>\"']+@[^\s<>\"']+")
_LONGEST_REASON = 300


@dataclass(frozen=True)
class Tick:
    """Where a run stands.

    Attributes:
        phase: number of the phase.
        name: of the phase.
        done: its writes and settlements that are done.
        total: those that were announced.
        figures: counts of the run: reads, writes, rate_limited, retries, lost, found.
        dead: slots left over so far.
    """

    phase: int
    name: str
    done: int
    total: int
    figures: Mapping[str, int]
    dead: int


@dataclass(frozen=True)
class Result:
    """What an apply did.

    Attributes:
        state: finished, stopped or interrupted.
        reason: why it stopped.
        plan: what was announced.
        written: accepted writes per kind, the extra ones that an adoption needs included.
        adopted: per kind, what existed and needed another number of writes than announced.
        found: calls of this or an earlier run that turned out, by looking, to have taken effect.
        left_over: slots that could not be settled in this run, by reason.
        figures: counts of requests.
        seconds: duration.
        published: what came of copying the receipts to the warehouse.
        exit_code: for the command line.
    """

    run_id: str
    state: str
    reason: str | None
    plan: Plan
    written: Mapping[str, int]
    adopted: Mapping[str, int]
    found: int
    left_over: Mapping[str, int]
    figures: Mapping[str, int]
    seconds: float
    published: Published
    exit_code: int

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "run_id": self.run_id,
            "state": self.state,
            "reason": self.reason,
            "announced": self.plan.writes,
            "announced_total": self.plan.total,
            "written": dict(self.written),
            "written_total": sum(self.written.values()),
            "adopted": dict(self.adopted),
            "found": self.found,
            "left_over": dict(self.left_over),
            "held_back": self.plan.held.count,
            "changed_after_load": self.plan.changed.count,
            "vanished": self.plan.vanished.count,
            "selection": self.plan.chosen.as_dict() if self.plan.chosen else None,
            "requests": dict(self.figures),
            "seconds": round(self.seconds, 1),
            "published": {"receipts": self.published.receipts, "message": self.published.message},
            "exit_code": self.exit_code,
        }


class _InterruptedWaitError(Exception):
    """A worker was waiting when the run was told to end."""


@dataclass(frozen=True)
class _Job:
    phase: int
    lane: str
    steps: tuple[Step, ...]
    payloads: Mapping[str, Payload]
    folder: Path | None
    sizes: Mapping[str, int]


@dataclass
class _Lost:
    """An earlier attempt at the present call whose fate is unknown."""

    since: float | None = None
    finished: bool = False


def apply(
    settings: Settings,
    *,
    retry_failed: bool = False,
    workers: int = WORKERS,
    selection: Selection | None = None,
    clock: Clock | None = None,
    client: Client | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_tick: Callable[[Tick], None] | None = None,
) -> Result:
    """Send what the ledger does not yet hold.

    Ctrl-C finishes what is under way and ends the run; it can be resumed.

    Args:
        settings: where everything is.
        retry_failed: try the dead letters again.
        workers: lanes at a time.
        selection: the part of the plan that is meant; by default all of it.
        clock: where time comes from.
        client: a client to use and to leave open; by default one is made from the settings.
        on_plan: told what is going to be sent, before it is.
        on_tick: told about progress, by any thread, one call at a time.

    Raises:
        RefusedError: a guard refused, before the first write.
        LoadError: a bug; what was done is in the ledger.
    """
    clock = clock or SystemClock()
    check_settings(settings)
    if not settings.ledger.parent.is_dir():
        raise SettingsError(
            f"the folder of the ledger {settings.ledger} does not exist: create it or set LEDGER__PATH."
        )
    check_ledger(settings, clock=clock)
    with exclusive(settings.ledger), Ledger(settings.ledger, clock=clock) as ledger:
        ours = client or Client(settings.intercom, clock=clock, connections=workers + 2)
        try:
            run = _Run(settings, ledger, ours, clock, workers, on_tick)
            return run.go(retry_failed=retry_failed, selection=selection, on_plan=on_plan)
        finally:
            if client is None:
                ours.close()


def check_settings(settings: Settings) -> None:
    """Make sure that token and workspace are configured.

    Raises:
        SettingsError: one is missing; the message says where it comes from.
    """
    if not settings.intercom.access_token:
        raise SettingsError(
            "INTERCOM__ACCESS_TOKEN is not set. Create an access token in Intercom's Developer Hub and put it into the "
            "environment, or as access_token under [intercom] in .dlt/secrets.toml."
        )
    if not settings.intercom.workspace_id:
        raise SettingsError(
            "INTERCOM__WORKSPACE_ID is not set: the loader does not know which workspace you mean. It is the id in "
            "the address of the workspace (https://app.intercom.com/a/apps/<id>/…), and app.id_code in the "
            "answer of GET /me."
        )


def _check_gate(refusal: str | None) -> None:
    if refusal:
        raise GateError(refusal)


def check_workspace(client: Client, settings: IntercomSettings) -> tuple[str, str]:
    """Make sure that the token is of the configured workspace. Returns its id and region.

    Raises:
        WorkspaceError: it is another one's.
        ConfigurationError: the token is not accepted.
    """
    there = client.workspace()
    if there.workspace_id != settings.workspace_id:
        raise WorkspaceError(
            f"the token belongs to workspace {there.workspace_id} ({there.name}), but INTERCOM__WORKSPACE_ID "
            f"is {settings.workspace_id}. Nothing was written. Set the one or the other right."
        )
    return there.workspace_id, there.region


class _Run:
    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        client: Client,
        clock: Clock,
        workers: int,
        on_tick: Callable[[Tick], None] | None,
    ) -> None:
        self.settings, self.ledger, self.client, self.clock = settings, ledger, client, clock
        self.workers = workers
        self.on_tick = on_tick
        self.files = FileStorage(settings.file_folder)
        self.figures: Figures = client.figures
        self.run_id = ""
        self.gate = ""
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._written: Counter[str] = Counter()
        self._adopted: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._done: Counter[int] = Counter()
        self._exhausted = 0
        self._twins: dict[str, tuple[threading.Lock, list[int]]] = {}
        self._heavy = threading.Lock()
        self._tags: set[str] | None = None
        self._tick_lock = threading.Lock()
        self._last_tick = 0.0
        self._phase: tuple[int, str, int] = (0, "", 0)
        self._uncertain: dict[str, list[Intent]] = {}

    # --- the run

    def go(self, *, retry_failed: bool, selection: Selection | None, on_plan: Callable[[Plan], None] | None) -> Result:
        started = self.clock.monotonic()
        with warehouse.reading(self.settings.warehouse, self.clock) as db:
            gate = warehouse.read_gate(db)
            if selection is not None and selection.chooses:
                check_selection(db, selection)
        _check_gate(gate.refusal)
        self.gate = gate.identity
        workspace = check_workspace(self.client, self.settings.intercom)
        check_plan(self.settings.intercom, self.ledger, gate)
        self.ledger.bind(*workspace)
        self.run_id = self.ledger.start_run(gate.current_hash, selection.as_dict() if selection else None)
        state, reason, exit_code = "finished", None, EXIT_DONE
        plan: Plan | None = None
        try:
            if retry_failed:
                self.ledger.forget_dead_letters()
            self._resolve_open_intents()
            with Worklist() as worklist:
                plan = make_plan(
                    self.settings.warehouse, self.ledger, clock=self.clock, worklist=worklist, selection=selection
                )
                _check_gate(plan.refusal)
                self.ledger.announce(
                    self.run_id,
                    {str(p.phase): dict(p.writes) for p in plan.phases},
                    plan.chosen.as_dict() if plan.chosen else None,
                )
                if on_plan is not None:
                    on_plan(plan)
                self._uncertain = self.ledger.uncertain_slots()
                self._phases(plan, worklist)
            if self._left or plan.held.count:
                exit_code = EXIT_LEFT_OVER
        except KeyboardInterrupt:
            state, reason, exit_code = "interrupted", "interrupted from the keyboard", EXIT_INTERRUPTED
        except StoppedError as error:
            state, reason, exit_code = "stopped", str(error), error.exit_code
        except BaseException as error:
            self._end("stopped", type(error).__name__)
            raise
        if plan is None:
            self._end(state, reason)
            raise StoppedError(f"the run ended before it had a plan: {reason}")
        self._end(state, reason)
        return Result(
            run_id=self.run_id,
            state=state,
            reason=reason,
            plan=plan,
            written=dict(self._written),
            adopted=dict(self._adopted),
            found=self.figures.found,
            left_over=dict(self._left),
            figures=self.figures.as_dict(),
            seconds=self.clock.monotonic() - started,
            published=publish(self.settings.ledger, self.settings.warehouse, clock=self.clock),
            exit_code=exit_code,
        )

    def _end(self, state: str, reason: str | None) -> None:
        try:
            self.ledger.note_figures(self.run_id, self.figures.as_dict(), self.client.limiter.limit)
            self.ledger.end_run(self.run_id, state, reason)
        except StoppedError as error:  # a full disk must not hide what stopped the run; the next run marks this one
            self._log("run end not noted", error=type(error).__name__)

    def _phases(self, plan: Plan, worklist: Worklist) -> None:
        with ThreadPoolExecutor(self.workers, thread_name_prefix="worker") as pool:
            running: set[Future[None]] = set()
            try:
                for phase in plan.phases:
                    self._phase = (phase.phase, phase.name, phase.total + phase.implied)
                    self._tick(force=True)
                    for batch in self._batches(phase.phase, worklist):
                        running.update(pool.submit(self._lane, job) for job in batch)
                        running = self._wait(running, below=2 * self.workers)
                    running = self._wait(running, below=1)
                    self._tick(force=True)
            finally:
                # Also on Ctrl-C: what is under way ends, what has not begun never does.
                self._stop.set()
                for future in running:
                    future.cancel()
        if self._failure is not None:
            raise self._failure

    def _wait(self, running: set[Future[None]], *, below: int) -> set[Future[None]]:
        while len(running) >= below:
            done, running = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
            if self._failure is not None:
                raise self._failure
            now = self.clock.monotonic()
            if now - self._last_tick >= 1.0:
                self._last_tick = now
                self.ledger.note_figures(self.run_id, self.figures.as_dict(), self.client.limiter.limit)
        return running

    def _halt(self, error: BaseException) -> None:
        with self._lock:
            if self._failure is None:
                self._failure = error
        self._stop.set()

    def _tick(self, *, force: bool = False) -> None:
        if self.on_tick is None or not (force or self._tick_lock.acquire(blocking=False)):
            return
        if force:
            self._tick_lock.acquire()
        try:
            phase, name, total = self._phase
            dead = sum(self._left.values())
            self.on_tick(Tick(phase, name, self._done[phase], total, self.figures.as_dict(), dead))
        finally:
            self._tick_lock.release()

    # --- batches

    def _batches(self, phase: int, worklist: Worklist) -> Iterator[list[_Job]]:
        after, number = "", 0
        while lanes := worklist.page(phase, after, warehouse.BATCH_LANES):
            number += 1
            jobs = self._batch(phase, lanes, worklist, worklist.folder / f"{phase}-{number}")
            after = jobs[-1].lane
            yield jobs

    def _batch(self, phase: int, lanes: Sequence[str], worklist: Worklist, folder: Path) -> list[_Job]:
        """Read as many of these lanes as a batch may hold, at least one; one without steps is a job, too."""
        with warehouse.reading(self.settings.warehouse, self.clock) as db:
            if warehouse.read_gate(db, compare=False).identity != self.gate:
                raise PlanChangedError(
                    "the data in the warehouse was built anew while the run was going on. What was sent is in "
                    "the ledger; look at the new plan, then apply it."
                )
            chosen = worklist.chosen(warehouse.rows_of(db, phase, lanes))
            rows = {lane: list(some) for lane, some in groupby(chosen, lambda row: row.lane)}
            decided = decide_lanes(db, self.ledger, phase, {lane: rows.get(lane, []) for lane in lanes})
            lane_of = {row.slot: lane for lane, plan in decided.items() for step in plan.steps for row in step.rows}
            payloads: dict[str, dict[str, Payload]] = defaultdict(dict)
            keys: dict[str, list[str]] = defaultdict(list)
            size = 0
            whole = list(lanes)
            for slot, payload in warehouse.payloads_of(db, phase, lanes, lane_of):
                lane = lane_of[slot]
                size += len(payload.payload)
                if size > warehouse.PAYLOAD_BYTES and payloads and lane not in payloads:
                    whole = [name for name in lanes if name < lane]
                    break
                payloads[lane][slot] = payload
                if '"$file"' in payload.payload:
                    keys[lane].extend(templates.files(json.loads(payload.payload)))
            sizes = warehouse.file_sizes(db, [key for some in keys.values() for key in some])
            whole = _that_fit(whole, keys, sizes)
            jobs = []
            wanted: dict[str, int] = {}
            folders: dict[str, Path] = {}
            for number, lane in enumerate(whole):
                of_lane = {key: sizes.get(key, 0) for key in keys.get(lane, ())}
                lane_folder = folder.with_name(f"{folder.name}-{number}") if of_lane else None
                if lane_folder is not None:
                    lane_folder.mkdir(mode=0o700)
                    folders.update(dict.fromkeys(of_lane, lane_folder))
                wanted.update(of_lane)
                jobs.append(_Job(phase, lane, decided[lane].steps, payloads.get(lane, {}), lane_folder, of_lane))
            for _key in warehouse.spool_files(db, wanted, lambda key: folders[key] / _file_name(key)):
                pass
        return jobs

    # --- lanes and steps

    def _lane(self, job: _Job) -> None:
        try:
            for number, step in enumerate(job.steps):
                if self._stop.is_set():
                    return
                try:
                    self._step(job, step)
                except (CallError, TemplateError) as error:
                    self._give_up(job, job.steps[number:], error)
                    return
                with self._lock:
                    self._done[job.phase] += 1
                self._tick()
        except _InterruptedWaitError:
            return
        except StoppedError as error:
            self._halt(error)
        except Exception as error:  # noqa: BLE001 - raised again by the main thread
            self._halt(error)
        finally:
            if job.folder is not None:
                shutil.rmtree(job.folder, ignore_errors=True)

    def _step(self, job: _Job, step: Step) -> None:
        if step.action == "imply":
            self.ledger.note(self.run_id, receipts=[_receipt(step.rows[0], None, "implied", None)])
            return
        if step.action == "undo" and step.settled is not None:
            self._undo(step.settled)
            return
        prior = {intent.intent_id: intent for slot in step.slots for intent in self._uncertain.get(slot, ())}
        if sum(job.sizes.values()) > HEAVY and self._bytes_of(job, step) > HEAVY:
            with self._heavy:
                self._settle(job, step, list(prior.values()))
        else:
            self._settle(job, step, list(prior.values()))

    def _settle(self, job: _Job, step: Step, prior: Sequence[Intent]) -> None:
        request, youngest = self._compose(job, step)
        kind = kind_of(step.kind)
        wanted = kind.fingerprint(request) if kind.fingerprint else None
        with self._alone(wanted if kind.searches else None):
            intent = self.ledger.open_intent(
                self.run_id,
                job.phase,
                job.lane,
                step.kind,
                step.action,
                [_item(row) for row in step.rows],
                wanted,
                supersedes=[old.intent_id for old in prior],
            )
            since = min([old.opened_at for old in prior], default=intent.opened_at)
            lost = _Lost(since if prior else None)
            request = replace(request, since=since, repeated=bool(prior))
            self._log("call", slot=step.slots[0], kind=step.kind, intent=intent.intent_id)
            try:
                took, found = self._persist(intent, request, wanted, lost, youngest)
            except (LostError, AgainError) as error:
                # Nobody knows, or Intercom cannot be reached: the intent stays open when something may have
                # arrived.
                if lost.since is None:
                    self.ledger.close_intent(intent, "absent", run_id=self.run_id)
                self._count_exhausted(error)
                raise
            except UndecidedError:
                raise
            except CallError as error:
                self.ledger.close_intent(intent, "refused", run_id=self.run_id, request_id=error.request_id)
                raise
            receipts = [_receipt(row, took, took.outcome, step.settled, wanted) for row in step.rows]
            self.ledger.close_intent(
                intent,
                "found" if found else "answered",
                run_id=self.run_id,
                request_id=took.request_id,
                receipts=receipts,
            )
        self._count(step.label, took, found=found)

    def _undo(self, settled: Settled) -> None:
        item = Item(settled.slot, settled.content_hash, settled.payload_hash, settled.creates, settled.on_absent)
        intent = self.ledger.open_intent(self.run_id, settled.phase, settled.lane, settled.kind, "undo", [item], None)
        undo = json.loads(settled.undo or "{}")
        lost = _Lost()
        try:
            took = self._retrying(lambda _lost: send_undo(self._talk(), undo), lost, 0.0)
        except (LostError, AgainError) as error:
            self._count_exhausted(error)
            raise
        except CallError as error:
            self.ledger.close_intent(intent, "refused", run_id=self.run_id, request_id=error.request_id)
            raise
        receipt = Receipt(
            settled.slot,
            settled.lane,
            settled.phase,
            settled.kind,
            settled.content_hash,
            settled.payload_hash,
            settled.creates,
            settled.on_absent,
            settled.intercom_id,
            "undone",
        )
        self.ledger.close_intent(intent, "answered", run_id=self.run_id, request_id=took.request_id, receipts=[receipt])
        self._count(f"{settled.kind} (undo)", took, found=False)

    # --- one call until it is settled

    def _persist(
        self, intent: Intent, request: Request, wanted: Mapping[str, Any] | None, lost: _Lost, youngest: float
    ) -> tuple[Took, bool]:
        kind = kind_of(request.kind)
        found = False

        def attempt(state: _Lost) -> Took:
            nonlocal found
            if state.since is not None:
                if wanted is not None:
                    verdict = self._look(request.kind, {**wanted, "since": intent.opened_at}, state)
                    if isinstance(verdict, Found):
                        found = True
                        return Took(verdict.intercom_id, "created", writes=0)
                elif kind.check is not None and kind.check(self._talk(), request):
                    found = True
                    return _as_if_answered(request)
                state.since = None
                again = replace(request, repeated=True)
            else:
                again = request if not state.finished else replace(request, repeated=True)
            try:
                return kind.send(self._talk(), again)
            except LostError as error:
                state.since, state.finished = self.clock.time(), error.finished
                raise

        return self._retrying(attempt, lost, youngest), found

    def _retrying(self, attempt: Callable[[_Lost], Took], lost: _Lost, youngest: float) -> Took:
        failures = 0
        not_yet = 0

        def worth_it(error: BaseException) -> bool:
            nonlocal failures, not_yet
            if isinstance(error, AgainError) and error.status == TOO_MANY:
                return True
            if isinstance(error, LostError | AgainError):
                failures += 1
                return failures < ATTEMPTS
            if isinstance(error, GoneError) and self.clock.time() - youngest < FRESH:
                not_yet += 1
                return not_yet < FRESH_ATTEMPTS
            return False

        exponential = wait_exponential_jitter(multiplier=0.5, max=30)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            # The limiter itself waits for the next window.
            return 0.0 if isinstance(error, AgainError) and error.status == TOO_MANY else exponential(state)

        return Retrying(
            retry=retry_if_exception(worth_it),
            wait=pause,
            sleep=self._sleep,
            before_sleep=lambda _state: self.figures.add("retries"),
            reraise=True,
        )(attempt, lost)

    def _look(self, kind_name: str, wanted: Mapping[str, Any], lost: _Lost) -> Found | Absent:
        """Look until it is found, or until it would have to be there.

        Raises:
            UndecidedError: something is there that may be it or not.
        """
        kind = kind_of(kind_name)
        settings = self.settings.intercom
        patience = 0.0 if lost.finished else settings.commit_grace
        if kind.searches:
            patience = max(patience, settings.search_lag)
        if kind.find is None or lost.since is None:
            return Absent()
        while True:
            verdict = kind.find(self._talk(), wanted)
            if isinstance(verdict, Undecided):
                raise UndecidedError(
                    f"a call without answer may have made {', '.join(verdict.ids)} or not. Compare it with the record; "
                    "when it is not the record's, delete it in Intercom. Then apply again with --retry-failed.",
                    code="unknown",
                )
            left = patience - (self.clock.time() - lost.since)
            if isinstance(verdict, Found) or left <= 0:
                return verdict
            self._sleep(min(2.0, left))

    def _resolve_open_intents(self) -> None:
        """Find out what became of appended things that an earlier run had under way when it was cut off."""
        for intent in self.ledger.open_intents():
            kind = kind_of(intent.kind)
            if not kind.append_only or intent.fingerprint is None:
                continue
            lost = _Lost(intent.opened_at)
            wanted = {**intent.fingerprint, "since": intent.opened_at}

            def attempt(state: _Lost, intent: Intent = intent, wanted: Mapping[str, Any] = wanted) -> Took:
                verdict = self._look(intent.kind, wanted, state)
                return Took(verdict.intercom_id if isinstance(verdict, Found) else None, "created", writes=0)

            item = intent.items[0]
            try:
                took = self._retrying(attempt, lost, 0.0)
            except UndecidedError as error:
                letter = self._letter(intent.phase, intent.lane, intent.kind, item, "unknown", error, None)
                self.ledger.note(self.run_id, dead=[letter])
                with self._lock:
                    self._left["unknown"] += 1
                continue
            except GoneError:
                took = Took(None, "created", writes=0)  # the conversation itself is gone: nothing took effect in it
            except (LostError, AgainError) as error:
                raise UnreachableError(
                    f"Intercom does not answer: {error}. Run the same command again later."
                ) from error
            if took.intercom_id is None:
                self.ledger.close_intent(intent, "absent", run_id=self.run_id, alive=[item.slot])
                self._log("resolved", slot=item.slot, outcome="absent")
                continue
            receipt = Receipt(
                item.slot,
                intent.lane,
                intent.phase,
                intent.kind,
                item.content_hash,
                item.payload_hash,
                item.creates,
                item.on_absent,
                took.intercom_id,
                "created",
                source_table=item.source_table,
                source_id=item.source_id,
                visibility=_visibility(intent.fingerprint),
            )
            self.ledger.close_intent(intent, "found", run_id=self.run_id, receipts=[receipt], alive=[item.slot])
            self.figures.add("found")
            self._log("resolved", slot=item.slot, outcome="found")

    # --- composing

    def _compose(self, job: _Job, step: Step) -> tuple[Request, float]:
        """Fill a step's templates. Returns the request and when the youngest object in it was created."""
        youngest = 0.0

        def lookup(key: str) -> str | None:
            nonlocal youngest
            found = self.ledger.object_id(key)
            if found is None:
                return None
            youngest = max(youngest, found[1])
            return found[0]

        def read_file(key: str) -> str:
            path = (job.folder or Path()) / _file_name(key)
            if job.folder is None or not path.is_file():
                raise RejectedError(f"the warehouse holds no content of the file {key}", code="file_missing")
            return str(path) if kind_of(step.kind).outside else path.read_text("ascii")

        raw: dict[str, Any] = {}
        for row in step.rows:
            raw = templates.merged(raw, json.loads(job.payloads[row.slot].payload))
        first = step.rows[0]
        on_conflict = job.payloads[first.slot].on_conflict
        payload = templates.fill(raw, lookup, read_file)
        method, path = first.method, templates.fill_path(first.path, lookup)
        filled = templates.fill(json.loads(on_conflict), lookup, read_file) if on_conflict else None
        if step.action == "update" and step.settled is not None:
            method, path = "PUT", f"{path}/{step.settled.intercom_id}"
            payload = updated(step.kind, payload, filled, step.settled.outcome)
            youngest = max(youngest, step.settled.received_at)
        return Request(step.kind, method, path, payload, filled), youngest

    def _bytes_of(self, job: _Job, step: Step) -> int:
        return sum(
            job.sizes.get(key, 0)
            for row in step.rows
            for key in templates.files(json.loads(job.payloads[row.slot].payload))
        )

    # --- what was left

    def _give_up(self, job: _Job, steps: Sequence[Step], error: CallError | TemplateError) -> None:
        """The step that failed becomes a dead letter, and what comes after it in the lane waits for it."""
        cause = steps[0].slots[0]
        reason = "refused"
        if isinstance(error, TemplateError):
            letter = self.ledger.dead_letter_of(error.key)
            if letter is not None:
                reason, cause = "depends", letter.cause_slot or letter.slot
        elif isinstance(error, UndecidedError):
            reason = "unknown"
        elif isinstance(error, LostError | AgainError):
            reason = "unanswered"
        dead: list[DeadLetter] = []
        for number, step in enumerate(steps):
            of_step = reason if number == 0 else "depends"
            caused_by = cause if of_step == "depends" else None
            items = [_item(row) for row in step.rows]
            if step.settled is not None and not items:
                s = step.settled
                items = [Item(s.slot, s.content_hash, s.payload_hash, s.creates, s.on_absent)]
            secrets = [job.payloads[row.slot].payload for row in step.rows if row.slot in job.payloads]
            dead.extend(
                self._letter(job.phase, job.lane, step.kind, item, of_step, error, caused_by, secrets) for item in items
            )
        self.ledger.note(self.run_id, dead=dead)
        with self._lock:
            self._left.update(letter.reason for letter in dead)
        self._log("given up", slot=steps[0].slots[0], reason=reason, code=getattr(error, "code", "no_object"))

    def _letter(
        self,
        phase: int,
        lane: str,
        kind: str,
        item: Item,
        reason: str,
        error: CallError | TemplateError,
        cause: str | None,
        payloads: Sequence[str] = (),
    ) -> DeadLetter:
        call = error if isinstance(error, CallError) and reason != "depends" else None
        message = f"waits for {cause}" if reason == "depends" else _without_values(str(error), payloads)
        return DeadLetter(
            slot=item.slot,
            lane=lane,
            phase=phase,
            kind=kind,
            payload_hash=item.payload_hash,
            creates=item.creates,
            reason=reason,
            status=call.status if call else 0,
            code=call.code if call else ("no_object" if reason == "refused" else ""),
            message=message,
            request_id=call.request_id if call else None,
            cause_slot=cause,
            run_id=self.run_id,
            at=self.clock.time(),
        )

    def _count(self, label: str, took: Took, *, found: bool) -> None:
        if found:
            self.figures.add("found")
        with self._lock:
            self._exhausted = 0
            if took.writes:
                self._written[label] += took.writes
            if not found and took.writes != 1:
                self._adopted[label] += 1

    def _count_exhausted(self, error: CallError) -> None:
        with self._lock:
            self._exhausted += 1
            too_many = self._exhausted >= self.workers
        if too_many:
            raise UnreachableError(
                f"Intercom has not answered any of {self._exhausted} calls in a row, each tried {ATTEMPTS} times "
                f"({error}). Run the same command again later: it goes on where it stopped."
            ) from error

    # --- what the rules use

    def _talk(self) -> "_Talk":
        return _Talk(self)

    def _sleep(self, seconds: float) -> None:
        """Sleep in slices, so that the end of the run is not waited for."""
        while seconds > 0:
            if self._stop.is_set():
                raise _InterruptedWaitError
            self.clock.sleep(min(seconds, 0.25))
            seconds -= 0.25

    @contextmanager
    def _alone(self, wanted: Mapping[str, Any] | None) -> Iterator[None]:
        """Let only one of several calls with the same fingerprint be under way: a search could find a twin."""
        if wanted is None:
            yield
            return
        key = json.dumps(wanted, sort_keys=True)
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

    def tag_existed(self, name: str) -> bool:
        with self._lock:
            if self._tags is None:
                listed = self.client.fetch("/tags") or {}
                self._tags = {str(tag.get("name", "")).casefold() for tag in listed.get("data", [])}
        return name.casefold() in self._tags

    def _log(self, event: str, **fields: object) -> None:
        """One JSON line: run, slot and codes, never a value of the record."""
        if LOG.isEnabledFor(logging.INFO):
            LOG.info(json.dumps({"event": event, "run": self.run_id, **fields}))


@dataclass(frozen=True)
class _Talk:
    run: _Run

    def call(
        self,
        method: str,
        path: str,
        payload: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        reads: bool = False,
    ) -> Answer:
        return self.run.client.call(method, path, payload, query=query, reads=reads)

    def owned(self, kind: str, ids: Iterable[str]) -> set[str]:
        return self.run.ledger.owned(kind, ids)

    def tag_existed(self, name: str) -> bool:
        return self.run.tag_existed(name)

    def store(self, path: str, spooled: Path, size: int, sha256: str) -> bool:
        return self.run.files.put(path, spooled, size, sha256)

    def unstore(self, path: str) -> None:
        self.run.files.remove(path)


def _that_fit(lanes: Sequence[str], keys: Mapping[str, Sequence[str]], sizes: Mapping[str, int]) -> list[str]:
    fitting: list[str] = []
    total = 0
    for lane in lanes:
        total += sum(sizes.get(key, 0) for key in keys.get(lane, ()))
        if fitting and total > warehouse.BATCH_BYTES:
            break
        fitting.append(lane)
    return fitting


def _file_name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def _item(row: Row) -> Item:
    return Item(
        row.slot, row.content_hash, row.payload_hash, row.creates, row.on_absent, row.source_table, row.source_id
    )


def _visibility(fingerprint: Mapping[str, Any] | None) -> str | None:
    """Whether a message could be read by the customer; None for what is no message."""
    if not fingerprint or "texts" not in fingerprint:
        return None
    return "internal" if fingerprint.get("note") else "visible"


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
        json.dumps(took.undo) if took and took.undo else None,
        row.source_table,
        row.source_id,
        _visibility(fingerprint),
    )


def _as_if_answered(request: Request) -> Took:
    """What the answer would have said, for something that is so already."""

    class _Silent:
        def call(self, *_args: object, **_kwargs: object) -> Answer:
            return Answer({}, None)

        def owned(self, _kind: str, _ids: Iterable[str]) -> set[str]:
            return set()

        def tag_existed(self, _name: str) -> bool:
            return True

        def store(self, _path: str, _spooled: Path, _size: int, _sha256: str) -> bool:
            return True

        def unstore(self, _path: str) -> None:
            return

    return replace(kind_of(request.kind).send(_Silent(), request), writes=0)


def _without_values(message: str, payloads: Sequence[str]) -> str:
    """Cut a record's own values and addresses out of a message, which is kept in the ledger."""
    for payload in payloads:
        for value in sorted(_strings(json.loads(payload)), key=len, reverse=True):
            if len(value) > 3:  # noqa: PLR2004 - shorter ones are in every sentence
                message = message.replace(value, "…")
    return _ADDRESS.sub("…", message)[:_LONGEST_REASON]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
