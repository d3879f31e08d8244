"""Sends what is due: phase after phase, lanes in parallel, the steps of a lane in order, so that a kill costs nothing.

A record that Intercom refuses becomes a dead letter and stops its lane; the others go on. A lane whose next step
cannot be decided yet is parked: until a search must have seen what was made, or to the end of the run. Addresses that
were held back are given when everything else is there. Before anything is planned, the calls of earlier runs whose fate
is unknown are looked up.
"""

import hashlib
import json
import os
import shutil
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import select

from load import log, silence, templates, warehouse
from load.client import Client, Figures
from load.clock import Clock, SystemClock
from load.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_LEFT_OVER,
    AgainError,
    CallError,
    GateError,
    InterruptedRunError,
    LostError,
    PlanChangedError,
    RejectedError,
    SettingsError,
    StoppedError,
    TemplateError,
    TooManyErrorsError,
    UndecidedError,
    UnreachableError,
    WorkspaceError,
)
from load.kinds import Request, Took, kind_of, updated
from load.ledger import DEAD_LETTERS, DeadLetter, Intent, Ledger, exclusive
from load.letters import DEPENDS, FAULTS, REFUSED, UNANSWERED, UNKNOWN, dead_letter
from load.pace import Pace
from load.plan import Plan, Step, Worklist, decide_lanes, make_plan, spool_of
from load.publish import check_ledger, publish
from load.result import Result, Tick
from load.retries import ATTEMPTS
from load.rollback.desk import Desk
from load.rollback.endings import settle_interrupted
from load.selection import ADDRESS, Selection
from load.selection import check as check_selection
from load.settings import IntercomSettings, Settings
from load.settling import InterruptedWaitError, ParkedError, Settler, item_of
from load.sign_off import check_plan
from load.storage import FileStorage
from load.warehouse import Payload
from load.workers import MOST, Workers

__all__ = ["Result", "Tick", "apply", "check_settings", "check_workspace"]

EXHAUSTED = 16
"""Lanes in a row without an answer, each call tried `ATTEMPTS` times, after which Intercom counts as away."""
A_HANDFUL = 5
"""Of these at least, with fewer workers: a record that is never answered says nothing about Intercom."""
HEAVY = 32 * 1024 * 1024
"""Bytes of files from which on only one such call is held in memory at a time."""
PARKED = 500
"""Lanes that are parked for a while at most: then no new ones begin."""


@dataclass(frozen=True)
class _Job:
    """A lane to be sent.

    Attributes:
        final: there is no later: what cannot be decided now becomes a dead letter.
    """

    phase: int
    lane: str
    steps: tuple[Step, ...]
    payloads: Mapping[str, Payload]
    folder: Path | None
    sizes: Mapping[str, int]
    final: bool = False


def apply(
    settings: Settings,
    *,
    retry_failed: bool = False,
    selection: Selection | None = None,
    max_errors: int | None = None,
    acknowledge: Sequence[str] = (),
    workers: int | None = None,
    clock: Clock | None = None,
    client: Client | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_tick: Callable[[Tick], None] | None = None,
    leave: Callable[[int], object] = os._exit,
) -> Result:
    """Send what the ledger does not yet hold.

    Ctrl-C finishes what is under way and ends the run; a second one ends the process at once. Either way the run can
    be resumed.

    Args:
        settings: where everything is.
        retry_failed: try the dead letters of what is meant again.
        selection: the part of the plan that is meant; by default all of it.
        max_errors: stop when more records than this were refused or are for a person to decide; None never stops.
        acknowledge: names of side effects that a person knows of, see `load.silence`.
        workers: lanes at a time; as many as the latency needs by default.
        clock: where time comes from.
        client: a client to use and to leave open; by default one is made from the settings.
        on_plan: told what is going to be sent, before it is.
        on_tick: told about progress, by any thread, one call at a time.
        leave: called with the exit code by a second Ctrl-C, while calls are under way; ends the process.

    Raises:
        RefusedError: a guard refused, before the first write.
        LoadError: a bug; what was done is in the ledger.
    """
    clock = clock or SystemClock()
    check_settings(settings)
    silence.check_names(acknowledge)
    if not settings.ledger.parent.is_dir():
        raise SettingsError(
            f"the folder of the ledger {settings.ledger} does not exist: create it or set LEDGER__PATH."
        )
    check_ledger(settings, clock=clock)
    with exclusive(settings.ledger), Ledger(settings.ledger, clock=clock) as ledger:
        ours = client or Client(settings.intercom, clock=clock, connections=(workers or MOST) + 2)
        try:
            run = _Run(settings, ledger, ours, clock, workers, on_tick, max_errors, leave)
            return run.go(retry_failed=retry_failed, selection=selection, acknowledge=acknowledge, on_plan=on_plan)
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
        UnreachableError: nothing answers at the configured address as Intercom does.
    """
    try:
        there = client.workspace()
    except UnreachableError as error:
        raise UnreachableError(f"{error} The address is {settings.base_url} (INTERCOM__BASE_URL).") from error
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
        workers: int | None,
        on_tick: Callable[[Tick], None] | None,
        max_errors: int | None,
        leave: Callable[[int], object],
    ) -> None:
        self.settings, self.ledger, self.client, self.clock = settings, ledger, client, clock
        self.workers = Workers(client.limiter, workers)
        self.on_tick = on_tick
        self.max_errors = max_errors
        self.leave = leave
        self.figures: Figures = client.figures
        self.run_id = ""
        self.gate = ""
        self._stop = threading.Event()
        files = FileStorage(settings.file_folder)
        self.settler = Settler(ledger, client, files, clock, settings.intercom, self._stop)
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._settled = 0
        self._written: Counter[str] = Counter()
        self._adopted: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._not_taken_back: Counter[str] = Counter()
        self._addresses_waiting = 0
        self._undecided: Sequence[str] = ()
        self._done: Counter[int] = Counter()
        self._exhausted: set[str] = set()
        self._heavy = threading.Lock()
        self._tick_lock = threading.Lock()
        self._last_tick = 0.0
        self._phase: tuple[int, str, int] = (0, "", 0)
        self._pace = Pace(0, clock)
        self._uncertain: dict[str, list[Intent]] = {}
        self._later: list[tuple[float, _Job]] = []
        self._spooled = 0
        self._last_of_all: dict[int, list[str]] = defaultdict(list)
        self._awaited: set[str] = set()

    # --- the run

    def go(
        self,
        *,
        retry_failed: bool,
        selection: Selection | None,
        acknowledge: Sequence[str],
        on_plan: Callable[[Plan], None] | None,
    ) -> Result:
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
        told = selection.as_dict() if selection is not None else None
        self.run_id = self.settler.run_id = self.ledger.start_run(gate.current_hash, told)
        self.settler.log("run started")
        state, reason, exit_code = "finished", None, EXIT_DONE
        elsewhere = 0
        plan: Plan | None = None
        try:
            settle_interrupted(self.ledger, Desk(self.client, self.ledger, self.settler.files), self.run_id)
            self._undecided = self.settler.resolve_earlier()
            with Worklist(spool_of(self.settings.ledger)) as worklist:
                plan = self._plan(worklist, selection, acknowledge, retry_failed=retry_failed)
                if on_plan is not None:
                    on_plan(plan)
                self._uncertain = self.ledger.uncertain_slots()
                self._take_back_unplanned(plan)
                self._phases(plan, worklist)
            elsewhere = self._undecided_elsewhere(plan)
            if sum(self._left.values()) or plan.held.count or elsewhere:
                exit_code = EXIT_LEFT_OVER
        except KeyboardInterrupt:
            state, reason, exit_code = "interrupted", "interrupted from the keyboard", EXIT_INTERRUPTED
            if plan is None:
                self._end(state, reason)
                raise InterruptedRunError(f"{reason}, before anything was sent.") from None
        except StoppedError as error:
            state, reason, exit_code = "stopped", str(error), error.exit_code
            if plan is None:
                self._end(state, reason)
                raise
        except BaseException as error:
            self._end("stopped", type(error).__name__)
            raise
        self._end(state, reason, left_over=sum(self._left.values()) + plan.held.count + elsewhere)
        return Result(
            run_id=self.run_id,
            state=state,
            reason=reason,
            plan=plan,
            settled=self._settled,
            written=dict(self._written),
            adopted=dict(self._adopted),
            found=self.figures.found,
            left_over={name: number for name, number in self._left.items() if number},
            not_taken_back={name: number for name, number in self._not_taken_back.items() if number},
            addresses_waiting=self._addresses_waiting,
            undecided_elsewhere=elsewhere,
            unresolved=len(self.ledger.open_intents()),
            figures=self.figures.as_dict(),
            seconds=self.clock.monotonic() - started,
            published=publish(self.settings.ledger, self.settings.warehouse, clock=self.clock),
            exit_code=exit_code,
        )

    def _plan(
        self, worklist: Worklist, selection: Selection | None, acknowledge: Sequence[str], *, retry_failed: bool
    ) -> Plan:
        """Plan and announce; only then dead letters that are to be tried again are dropped."""
        again = _TriedAgain(self.ledger, worklist, self._undecided) if retry_failed else None
        plan = make_plan(
            self.settings.warehouse, again or self.ledger, clock=self.clock, worklist=worklist, selection=selection
        )
        _check_gate(plan.refusal)
        self._announce(plan, acknowledge)
        if again is not None:
            kept = again.kept()
            self.ledger.forget_dead_letters()
            self.ledger.note(self.run_id, dead=kept)
        return plan

    def _undecided_elsewhere(self, plan: Plan) -> int:
        """Calls that wait for a person's decision, of slots that the plan does not name."""
        open_still = sum(self.ledger.dead_letter_of(slot) is not None for slot in self._undecided)
        return max(open_still - plan.held_why.get(UNKNOWN, 0) - self._left[UNKNOWN], 0)

    def _announce(self, plan: Plan, acknowledge: Sequence[str]) -> None:
        """Note what is going to be sent, once a person knows of all that it sets off."""
        acknowledged = self.ledger.acknowledged(plan.plan_hash) | set(acknowledge)
        silence.demand(plan.writes, acknowledged)
        self.ledger.acknowledge(plan.plan_hash, acknowledge)
        self.settler.talker.acknowledged = acknowledged
        self.ledger.announce(
            self.run_id,
            {f"{p.phase} {p.name}": dict(p.writes) for p in plan.phases},
            plan.chosen.as_dict() if plan.chosen else None,
        )
        self._pace = Pace(plan.total, self.clock)
        self._pace.note(0, self.figures.requests, None)

    def _end(self, state: str, reason: str | None, *, left_over: int = 0) -> None:
        self.settler.log("run ended", state=state, number=sum(self._written.values()))
        try:
            figures = {**self.figures.as_dict(), "left_over": left_over}
            self.ledger.note_figures(self.run_id, figures, self.client.limiter.limit)
            self.ledger.end_run(self.run_id, state, reason)
        except StoppedError as error:  # a full disk must not hide what stopped the run; the next run marks this one
            self.settler.log("run end not noted", error=type(error).__name__)

    def _take_back_unplanned(self, plan: Plan) -> None:
        """Take back, each by itself, what earlier runs may have set and the plan no longer names."""
        if plan.chosen is not None or not self._uncertain:
            return
        with warehouse.reading(self.settings.warehouse, self.clock) as db:
            planned = warehouse.slots_in_plan(db, list(self._uncertain))
        for slot, intents in self._uncertain.items():
            for intent in intents:
                try:
                    self.settler.take_back_unplanned({slot: [intent]}, planned)
                except (ParkedError, CallError) as error:  # the intent stays open: the next run tries again
                    reason = UNANSWERED if isinstance(error, ParkedError) else REFUSED
                    self._left[reason] += 1
                    self._not_taken_back[reason] += 1
                    self.settler.log("not taken back", slot=slot, error=type(error).__name__)

    def _phases(self, plan: Plan, worklist: Worklist) -> None:
        pool = ThreadPoolExecutor(self.workers.most, thread_name_prefix="worker")
        running: set[Future[None]] = set()
        try:
            for phase in plan.phases:
                self._phase = (phase.phase, phase.name, phase.total)
                self._tick(force=True)
                if ADDRESS in phase.writes:
                    self._finish_parked(pool, running, worklist)
                    if self._lacks_before(phase.phase, plan):
                        self._addresses_waiting += phase.total
                        self.settler.log("addresses wait", phase=phase.phase, number=phase.total)
                        continue
                self.settler.log("phase", phase=phase.phase, number=phase.total)
                self._go_through(pool, running, self._batches(phase.phase, worklist))
                self._tick(force=True)
            self._finish_parked(pool, running, worklist)
        finally:
            # Also on Ctrl-C: what is under way ends, what has not begun never does.
            try:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
            except KeyboardInterrupt:
                self.leave(EXIT_INTERRUPTED)
                raise
        if self._failure is not None:
            raise self._failure

    def _finish_parked(self, pool: ThreadPoolExecutor, running: set[Future[None]], worklist: Worklist) -> None:
        """Go on with the lanes that were parked to the end."""
        for number in sorted(self._last_of_all):
            self._go_through(pool, running, self._parked_batches(number, worklist))
        self._last_of_all.clear()

    def _lacks_before(self, phase: int, plan: Plan) -> bool:
        """Whether anything of the phases before this one is not there, about which Intercom could write to people."""
        left = self._left.total() - self._not_taken_back.total()
        held = sum(number for earlier, number in plan.held_by_phase.items() if earlier < phase)
        return bool(left or held or self._undecided_elsewhere(plan))

    def _go_through(self, pool: ThreadPoolExecutor, running: set[Future[None]], batches: Iterable[list[_Job]]) -> None:
        """Send lanes, and those that were parked for a while, until each is done or parked to the end.

        The files of two batches at most lie on the disk, as `guards.spool_bytes` reckons: those of the batch that is
        read while as much as one is under way, however few lanes that are.
        """
        for batch in batches:
            running.update(pool.submit(self.workers.run, self._lane, job) for job in batch)
            self._wait(pool, running, below=2 * self.workers.most)
            while len(self._later) >= PARKED:
                self._wait(pool, running, below=1)
                self._resume(pool, running, wait_for_first=True)
            while self._spooled > warehouse.BATCH_BYTES and (running or self._later):
                self._wait(pool, running, below=max(len(running), 1))
                self._resume(pool, running, wait_for_first=not running)
        self._wait(pool, running, below=1)
        while self._later:
            self._resume(pool, running, wait_for_first=True)
            self._wait(pool, running, below=1)

    def _resume(self, pool: ThreadPoolExecutor, running: set[Future[None]], *, wait_for_first: bool) -> None:
        """Submit the lanes whose time has come."""
        if wait_for_first and self._later:
            with self._lock:
                first = min(until for until, _ in self._later)
            while (left := first - self.clock.monotonic()) > 0:
                self.settler.sleep(min(left, 1.0))
                self._beat()
        now = self.clock.monotonic()
        with self._lock:
            due = [job for until, job in self._later if until <= now]
            self._later = [(until, job) for until, job in self._later if until > now]
        running.update(pool.submit(self.workers.run, self._lane, job) for job in due)

    def _wait(self, pool: ThreadPoolExecutor, running: set[Future[None]], *, below: int) -> None:
        while len(running) >= below:
            done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
            running -= done
            for future in done:
                future.result()
            if self._failure is not None:
                raise self._failure
            if self._later:
                self._resume(pool, running, wait_for_first=False)
            self._beat()

    def _beat(self) -> None:
        """Once a second: what `status` and the display show, also while nothing is done."""
        now = self.clock.monotonic()
        if now - self._last_tick < 1.0:
            return
        self._last_tick = now
        limit = self.client.limiter.limit
        given_up = sum(list(self._left.values()))
        self._pace.note(sum(list(self._done.values())), self.figures.requests, limit, given_up=given_up)
        figures = {**self.figures.as_dict(), **self._pace.speed.as_figures()}
        self.ledger.note_figures(self.run_id, figures, limit)
        self._tick()

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
            figures, limit = self.figures.as_dict(), self.client.limiter.limit
            done = sum(list(self._done.values()))
            self.on_tick(Tick(phase, name, self._done[phase], total, done, figures, dead, self._pace.speed, limit))
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

    def _parked_batches(self, phase: int, worklist: Worklist) -> Iterator[list[_Job]]:
        """The lanes that were parked to the end, with what is due of them now."""
        lanes, number = sorted(self._last_of_all[phase]), 0
        while lanes:
            number += 1
            some = lanes[: warehouse.BATCH_LANES]
            jobs = self._batch(phase, some, worklist, worklist.folder / f"{phase}-end-{number}")
            lanes = lanes[len(jobs) :]
            yield [replace(job, final=True) for job in jobs]

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
                with self._lock:
                    self._spooled += sum(of_lane.values())
                jobs.append(_Job(phase, lane, decided[lane].steps, payloads.get(lane, {}), lane_folder, of_lane))
            for _key in warehouse.spool_files(db, wanted, lambda key: folders[key] / _file_name(key)):
                pass
        return jobs

    # --- lanes and steps

    def _lane(self, job: _Job) -> None:
        """Send a lane's steps as far as they go; a lane that is parked for a while keeps its files."""
        later: tuple[float, _Job] | None = None
        try:
            later = self._steps(job)
        except InterruptedWaitError:
            return
        except Exception as error:  # noqa: BLE001 - raised again by the main thread
            self._halt(error)
        finally:
            if later is not None:
                with self._lock:
                    self._later.append(later)
            elif job.folder is not None:
                shutil.rmtree(job.folder, ignore_errors=True)
                with self._lock:
                    self._spooled -= sum(job.sizes.values())

    def _steps(self, job: _Job) -> tuple[float, _Job] | None:
        """Returns when to go on with what is left of the lane; None when nothing is, or not in this way."""
        for number, step in enumerate(job.steps):
            if self._stop.is_set():
                return None
            rest = job.steps[number:]
            try:
                with log.about(run=self.run_id, phase=job.phase, kind=step.kind, slot=step.slots[0], attempt=1):
                    self._step(job, step)
            except ParkedError as parked:
                if parked.until is not None:
                    return parked.until, replace(job, steps=rest)
                if not job.final or parked.error is None:
                    self._park_to_the_end(job, rest)
                else:
                    self._give_up(job, rest, parked.error)
                return None
            except (CallError, TemplateError) as error:
                if not job.final and isinstance(error, TemplateError) and error.key in self._awaited:
                    self._park_to_the_end(job, rest)
                else:
                    self._give_up(job, rest, error)
                return None
            with self._lock:
                self._done[job.phase] += step.action != "imply"  # which is no write
                self._settled += len(step.rows)
            self._tick()
        return None

    def _park_to_the_end(self, job: _Job, steps: Sequence[Step]) -> None:
        """Keep the lane's name only: at the end of the run it is decided anew what is due in it."""
        with self._lock:
            self._last_of_all[job.phase].append(job.lane)
            self._awaited.update(row.creates for step in steps for row in step.rows if row.creates)
        self.settler.log("parked", slot=steps[0].slots[0])

    def _step(self, job: _Job, step: Step) -> None:
        if step.action == "imply":
            self.settler.imply(step)
            return
        prior = list(
            {intent.intent_id: intent for slot in step.slots for intent in self._uncertain.get(slot, ())}.values()
        )
        try:
            if step.action == "undo":
                took, found = self.settler.undo(step, prior), False
            elif sum(job.sizes.values()) > HEAVY and self._bytes_of(job, step) > HEAVY:
                with self._heavy:
                    took, found = self._send(job, step, prior)
            else:
                took, found = self._send(job, step, prior)
        except ParkedError as parked:
            if isinstance(parked.error, LostError | AgainError):
                self._count_exhausted(job.lane, parked.error)
            raise
        self._count(step.label, took, found=found)

    def _send(self, job: _Job, step: Step, prior: Sequence[Intent]) -> tuple[Took, bool]:
        request, youngest = self._compose(job, step)
        return self.settler.settle(job.phase, job.lane, step, request, youngest, prior, final=job.final)

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
        reason = REFUSED
        if isinstance(error, TemplateError):
            letter = self.ledger.dead_letter_of(error.key)
            if letter is not None:
                reason, cause = DEPENDS, letter.cause_slot or letter.slot
        elif isinstance(error, UndecidedError):
            reason = UNKNOWN
        elif isinstance(error, LostError | AgainError):
            reason = UNANSWERED
        dead: list[DeadLetter] = []
        for number, step in enumerate(steps):
            of_step = reason if number == 0 else DEPENDS
            items = [item_of(row) for row in step.rows]
            if step.settled is not None and not items:
                items = [step.settled.item]
            dead.extend(
                dead_letter(
                    item,
                    lane=job.lane,
                    phase=job.phase,
                    kind=step.kind,
                    reason=of_step,
                    error=error,
                    cause=cause if of_step == DEPENDS else None,
                    run_id=self.run_id,
                    at=self.clock.time(),
                    payloads=[job.payloads[row.slot].payload for row in step.rows if row.slot in job.payloads],
                )
                for item in items
            )
        self.ledger.note(self.run_id, dead=dead)
        with self._lock:
            self._left.update(letter.reason for letter in dead)
            planned = {row.slot for step in steps for row in step.rows}
            self._not_taken_back.update(letter.reason for letter in dead if letter.slot not in planned)
            faults = sum(self._left[name] for name in FAULTS)
        code = getattr(error, "code", "no_object")
        self.settler.log("given up", slot=steps[0].slots[0], reason=reason, code=code)
        if self.max_errors is not None and faults > self.max_errors:
            raise TooManyErrorsError(
                f"{faults:,} records were refused or are for a person to decide, more than --max-errors "
                f"{self.max_errors} allows. Look at them with the status command; the same command again goes on with "
                "the others."
            )

    def _count(self, label: str, took: Took, *, found: bool) -> None:
        with self._lock:
            self._exhausted.clear()
            if took.writes:
                self._written[label] += took.writes
            if not found and took.writes != 1:
                self._adopted[label] += 1

    def _count_exhausted(self, lane: str, error: CallError) -> None:
        with self._lock:
            self._exhausted.add(lane)
            number = len(self._exhausted)
        if number >= max(min(self.workers.most, EXHAUSTED), A_HANDFUL):
            raise UnreachableError(
                f"Intercom has not answered any of {number} calls in a row, each tried {ATTEMPTS} times "
                f"({error}). Run the same command again later: it goes on where it stopped."
            ) from error


class _TriedAgain(Ledger):
    """A ledger, to plan from, as it is without the dead letters of what is chosen.

    Args:
        ledger: the ledger that it shows.
        worklist: with the chosen slots, as soon as they are known.
        undecided: slots that wait for a person's decision; their letters stay.
    """

    def __init__(self, ledger: Ledger, worklist: Worklist, undecided: Collection[str]) -> None:
        vars(self).update(vars(ledger))
        self._worklist, self._undecided = worklist, undecided

    def dead_letters(self, lanes: Sequence[str]) -> dict[str, DeadLetter]:
        """Those of some lanes that stay, by slot."""
        found = super().dead_letters(lanes)
        return {slot: found[slot] for slot in self._staying(list(found))}

    def dead_letter_of(self, slot_or_key: str) -> DeadLetter | None:
        """The dead letter of a slot, or of the slot that should have created an object, if it stays."""
        letter = super().dead_letter_of(slot_or_key)
        return letter if letter is not None and self._staying([letter.slot]) else None

    def kept(self) -> list[DeadLetter]:
        """All that stay."""
        with self.engine.connect() as db:
            letters = [DeadLetter(**row) for row in db.execute(select(DEAD_LETTERS)).mappings()]
        staying = set(self._staying([letter.slot for letter in letters]))
        return [letter for letter in letters if letter.slot in staying]

    def _staying(self, slots: Sequence[str]) -> list[str]:
        chosen = self._worklist.slots
        dropped = set(slots) if chosen is None else chosen.among(slots)
        return [slot for slot in slots if slot not in dropped or slot in self._undecided]


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
