"""The faults of each sync: failing requests and a low daily quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.faults import Fault, storm
from emulator.limits import RollingLimit
from emulator.service import Service

if TYPE_CHECKING:
    import random

    from emulator.data.account import Account
    from tests.simulation.account import Life
    from tests.simulation.sync import Sync


FORBIDDEN = '{"status": "error", "category": "FORBIDDEN", "message": "not for you"}'


class Troubles:
    """Draws the faults of each sync.

    Args:
        chance: The source of randomness.
        life: The account.
        service: Gets the faults and the daily quota.
    """

    def __init__(self, chance: random.Random, life: Life, service: Service) -> None:
        self._chance, self._life, self._service = chance, life, service
        self._is_often_low = chance.random() < 0.15
        """Whether most syncs start with a low daily quota."""

    def draw_faults(self, sync: Sync) -> None:
        """Draw the faults of a sync, and record those that explain an error."""
        chance, faults = self._chance, self._service.faults
        faults[:] = storm(chance, chance.choice([0, 0, 4]))
        # Batches with an actor that is always refused are halved, which takes several requests.
        actor_share = 0.4 if self._life.account.poisoned_actors else 0.01
        refusal = chance.choice(((400, ""), (403, FORBIDDEN)))
        candidates = (
            (r"/threads/[0-9]+\?", refusal, 0.1),
            *[("/actors/batch", (503, ""), actor_share)] * 3,
        )
        for path, (status, body), share in candidates:
            if chance.random() < share:
                skip, times = chance.randrange(4), chance.randrange(1, 4)
                faults.append(Fault(path=path, status=status, body=body, skip=skip, times=times))
                sync.is_refused |= status != 503
        sync.is_refused |= bool(self._life.account.refused_threads)
        sync.has_faults = bool(faults)
        self._break_rows()
        self._poison()
        sync.has_low_quota = chance.random() < (0.8 if self._is_often_low else 0.01)
        limit = self._service.limit
        limit.daily, limit.used_today = 10**9, 0
        if sync.has_low_quota:
            limit.daily, limit.used_today = 1_000, 800 - chance.randrange(5, 60)

    def end(self, sync: Sync) -> None:
        """Remove all faults for the last sync, except messages that can never be read."""
        self._service.faults.clear()
        self._life.account.refused_threads.clear()
        self._life.account.broken_ids.clear()
        self._service.limit.daily, self._service.limit.used_today = 10**9, 0
        self._poison()
        sync.has_faults = bool(self._service.faults)

    def refuse(self) -> None:
        """At times, refuse requests for a few threads that get a message and are then closed.

        The refusal lasts for some syncs. Only the new message makes a sync read the messages of a
        closed thread. It arrives before time passes, because a sync reads its lookback again.
        """
        chance, life = self._chance, self._life
        refused = life.account.refused_threads
        if refused and chance.random() < 0.6:
            refused.clear()
        elif life.account.threads and chance.random() < 0.25:
            for thread_id in chance.choices(list(life.account.threads), k=chance.randrange(1, 4)):
                for what in ("message", "close"):
                    life.happen(what, to=str(thread_id))
                refused.add(thread_id)

    def _break_rows(self) -> None:
        """At times, let a few threads make their pages of the list by ID fail during a sync."""
        account, chance = self._life.account, self._chance
        account.broken_ids.clear()
        if account.threads and chance.random() < 0.08:
            account.broken_ids.update(
                chance.choices(list(account.threads), k=chance.choice((1, 2)))
            )

    def _poison(self) -> None:
        """Make the messages of one thread unreadable for the rest of a history, or of none."""
        chance, life = self._chance, self._life
        if life.poisoned_id is None and life.account.threads and chance.random() < 0.02:
            life.poisoned_id = chance.choice(list(life.account.threads))
            life.log.append(f"     the messages of {life.poisoned_id} can never be read")
            if chance.random() < 0.5:
                life.account.refused_messages.add(life.poisoned_id)
        if life.poisoned_id is not None and not life.account.refused_messages:
            path = f"/threads/{life.poisoned_id}/messages"
            self._service.faults.append(Fault(path=path, status=400, body="{}", times=10**9))


def service_of(account: Account, life: Life, *, latency: float) -> Service:
    """Return an emulated service for an account, with a quota that no sync uses up."""
    limit = RollingLimit(maximum=1_000_000, daily=10**9, clock=life.clock)
    return Service(account, latency=latency, limit=limit)
