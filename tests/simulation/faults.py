"""What goes wrong in a sync: requests that fail, and a day's calls that come to their end."""

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
    """Draws what goes wrong.

    Args:
        chance: Draws it.
        life: The account's.
        service: Where it goes wrong.
    """

    def __init__(self, chance: random.Random, life: Life, service: Service) -> None:
        self._chance, self._life, self._service = chance, life, service
        self._is_poor = chance.random() < 0.15
        """Whether the day's calls are at their end in most syncs."""

    def brew(self, sync: Sync) -> None:
        """Have it go wrong in a sync, and note what accounts for an error."""
        chance, faults = self._chance, self._service.faults
        faults[:] = storm(chance, chance.choice([0, 0, 4]))
        of_actors = 0.3 if self._life.account.poisoned_actors else 0.03
        refusal = chance.choice(((400, ""), (403, FORBIDDEN)))
        drawn = ((r"/threads/[0-9]+\?", refusal, 0.1), ("/actors/batch", (503, ""), of_actors))
        for path, (status, body), share in drawn:
            if chance.random() < share:
                skip, times = chance.randrange(4), chance.randrange(1, 4)
                faults.append(Fault(path=path, status=status, body=body, skip=skip, times=times))
                sync.is_refused |= status != 503
        sync.is_refused |= bool(self._life.account.refused_threads)
        sync.has_faults = bool(faults)
        self._poison()
        sync.has_low_quota = chance.random() < (0.8 if self._is_poor else 0.01)
        limit = self._service.limit
        limit.daily, limit.used_today = 10**9, 0
        if sync.has_low_quota:
            limit.daily, limit.used_today = 1_000, 800 - chance.randrange(5, 60)

    def end(self, sync: Sync) -> None:
        """Have nothing go wrong in a sync, but for what never can be read."""
        self._service.faults.clear()
        self._life.account.refused_threads.clear()
        self._service.limit.daily, self._service.limit.used_today = 10**9, 0
        self._poison()
        sync.has_faults = bool(self._service.faults)

    def refuse(self) -> None:
        """At times, refuse for some syncs a few threads that get a message and are closed.

        Of a closed thread, nothing but that message makes a sync read messages. It is to come
        before time passes, as a sync reads again what is within its lookback.
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

    def _poison(self) -> None:
        """Have there be a thread at times whose messages never can be read."""
        chance, life = self._chance, self._life
        if life.poisoned_id is None and life.account.threads and chance.random() < 0.02:
            life.poisoned_id = chance.choice(list(life.account.threads))
            life.log.append(f"     the messages of {life.poisoned_id} never can be read")
            if chance.random() < 0.5:
                life.account.refused_messages.add(life.poisoned_id)
        if life.poisoned_id is not None and not life.account.refused_messages:
            path = f"/threads/{life.poisoned_id}/messages"
            self._service.faults.append(Fault(path=path, status=400, body="{}", times=10**9))


def service_of(account: Account, life: Life, *, latency: float) -> Service:
    """Make the service of an account, with calls enough."""
    limit = RollingLimit(maximum=1_000_000, daily=10**9, clock=life.clock)
    return Service(account, latency=latency, limit=limit)
