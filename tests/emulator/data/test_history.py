"""The history of an account's threads."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.data.account import Account
from emulator.endpoints.threads import thread_payload

if TYPE_CHECKING:
    from tests.emulator.conftest import World


def test_as_of(world: World) -> None:
    """`as_of` returns the threads as they were at a moment of the last hour."""
    unchanged, changed, deleted = world.threads(3)
    before = world.now
    world.pass_time(10)
    world.account.close(changed)
    changed.archived = True
    world.account.delete(deleted)
    new = world.account.create()
    then = world.account.threads.as_of(before)
    assert list(then) == [unchanged.id, changed.id, deleted.id]
    assert (then[changed.id].status, then[changed.id].archived) == ("OPEN", False)
    assert then[changed.id] != changed
    assert set(world.account.threads.as_of(world.now)) == {unchanged.id, changed.id, new.id}
    assert world.account.threads.as_of(before - timedelta(seconds=1, milliseconds=1)).keys() == {
        unchanged.id
    }


def test_several_changes(world: World) -> None:
    """`as_of` distinguishes several changes of one thread."""
    (thread,) = world.threads(1)
    moments = []
    for agent in ("A-1", "A-2", None):
        world.pass_time(1)
        thread.assigned_to = agent
        moments.append(world.now)
    seen = [world.account.threads.as_of(moment)[thread.id].assigned_to for moment in moments]
    assert seen == ["A-1", "A-2", None]


def test_old_changes_are_dropped(world: World) -> None:
    """Changes older than one hour are dropped, so a long test does not use more memory."""
    (thread,) = world.threads(1)
    before = world.now
    for _ in range(2):
        world.pass_time(3_601)
        thread.spam = not thread.spam
    assert world.account.threads.as_of(before)[thread.id].spam


def test_dict_methods(world: World) -> None:
    """Removing and adding threads by the methods of a dict is recorded too."""
    first, second = world.threads(2)
    before = world.now
    world.pass_time(1)
    threads = world.account.threads
    assert threads.pop(first.id) is first
    assert threads.pop(first.id, None) is None
    threads.clear()
    threads.update({first.id: first})
    first.spam = True
    assert (len(threads), first.id in threads, second.id in threads) == (1, True, False)
    assert [thread.spam for thread in threads.as_of(before).values()] == [False, False]


def test_threads_can_be_stored(world: World) -> None:
    """A thread is pickled without its link to its account."""
    (thread,) = world.threads(1)
    world.client.ids()
    stored = pickle.loads(pickle.dumps(thread))
    assert stored == thread
    restored = Account([stored]).threads[thread.id]
    assert thread_payload(restored, associations=[], extra=None)
