"""Which streams are selected, as far as that decides what is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_hubspot_threads.contract import LISTED

if TYPE_CHECKING:
    from collections.abc import Collection

    from tap_hubspot_threads.contract import Listed


@dataclass(frozen=True)
class Selection:
    """Nobody pays a call for a stream that is not selected."""

    threads: bool = True
    thread_index: bool = False
    messages: bool = False
    actors: bool = False
    listed: tuple[Listed, ...] = ()

    @classmethod
    def of(cls, names: Collection[str]) -> Selection:
        """Return what the names of streams say."""
        return cls(
            threads="threads" in names,
            thread_index="thread_index" in names,
            messages="messages" in names,
            actors="actors" in names,
            listed=tuple(listed for listed in LISTED if listed.name in names),
        )

    @property
    def of_threads(self) -> bool:
        """Whether there is a stream that follows what happens to threads."""
        return self.threads or self.messages or self.actors
