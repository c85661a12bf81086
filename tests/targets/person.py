"""A person in an account: a contact with messages in their own thread and in another one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.endpoints.actors import actor_payload

if TYPE_CHECKING:
    from emulator.data.account import Account
    from emulator.data.thread import Thread


EXAMPLE = {"contact_id": "57262", "address": "ada@example.org", "name": "Ada Okafor"}
"""The person in the documented SQL."""


def filled(sql: str, person: dict[str, str]) -> str:
    """Replace the values of `EXAMPLE` in assignments by those of a person."""
    for key, value in person.items():
        assert f" {key} = '{EXAMPLE[key]}';" in sql
        sql = sql.replace(f"= '{EXAMPLE[key]}';", f"= '{value}';")
    return sql


def empty_parts(text: str, json_type: str = "jsonb") -> list[str]:
    """Return the documented statements that add what is not loaded: `actors` and two columns.

    Args:
        text: The page about erasure, which has the statements for `actors` and `senders`. The
            statement for `recipients` follows from the one for `senders`.
        json_type: The type of the columns.
    """
    (actors,) = re.findall(r"^CREATE TABLE hubspot\.actors .*;$", text, re.MULTILINE)
    (senders,) = re.findall(r"^ALTER TABLE .* senders jsonb;$", text, re.MULTILINE)
    senders = senders.replace("jsonb", json_type)
    return [actors, senders, senders.replace("senders", "recipients")]


def person_in(account: Account) -> tuple[Thread, dict[str, str], str]:
    """Return a person's thread, the person, and the ID of a message that mentions the person."""
    thread, person = thread_of_a_contact(account)
    other = next(one for one in account.threads.values() if one is not thread and one.assigned_to)
    return thread, person, mention_elsewhere(account, other, person)


def thread_of_a_contact(account: Account) -> tuple[Thread, dict[str, str]]:
    """Return a thread whose contact has a name, and the values that identify the contact."""
    for thread in account.threads.values():
        actor = actor_payload(account, f"V-{thread.contact_id}")
        if actor and actor.get("name") and account.messages(thread):
            person = {"contact_id": str(thread.contact_id), "address": actor["email"]}
            return thread, person | {"name": actor["name"]}
    raise AssertionError


def mention_elsewhere(account: Account, thread: Thread, person: dict[str, str]) -> str:
    """Let someone else's thread hold messages from and to the person.

    Returns:
        The ID of a message whose text mentions the person.
    """
    address = {"type": "HS_EMAIL_ADDRESS", "value": person["address"].title()}
    actor = {"actorId": f"V-{person['contact_id']}", "name": person["name"]}
    with_address = {"deliveryIdentifier": address, "recipientField": "CC"}
    account.message(thread, sent=False, text="Theirs.", senders=[actor])
    other = {"actorId": f"V-{thread.contact_id}", "recipientField": "TO"}
    for copy in (actor | with_address, with_address):
        account.message(thread, sent=True, text="Ours.", recipients=[other, copy])
    return account.message(thread, sent=True, text=f"Ask {person['name'].upper()}.").id
