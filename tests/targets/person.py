"""A person in an account: a contact with messages in their own thread and in another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.endpoints.actors import actor_payload

if TYPE_CHECKING:
    from emulator.data.account import Account
    from emulator.data.thread import Thread


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
