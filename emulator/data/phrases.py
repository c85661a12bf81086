"""Message texts of the sample account's conversations."""

from __future__ import annotations

Scene = tuple[str, tuple[str, str], tuple[str, str], str]
"""Subject; the visitor's first and last message; the agent's first and last reply; comment."""

SCENES: tuple[Scene, ...] = (
    (
        "Invoice for October",
        (
            "Hello, the invoice for October shows two seats too many. Can you correct it?",
            "Thank you, I've received the new invoice. All good now!",
        ),
        (
            "Good morning! You're right, two seats were removed on the 3rd. One moment, please.",
            "I've corrected the invoice, and a credit note is on its way to you.",
        ),
        "Seats were removed on the 3rd, billing ran on the 2nd.",
    ),
    (
        "Cannot sign in",
        (
            "I can't sign in anymore. It says that my link has expired.",
            "That one works. Thanks for the quick help.",
        ),
        (
            "Sorry about that. Did you open the link on another device?",
            "I've just sent you a new link. It is valid for an hour.",
        ),
        "Third expired link this week. I've informed the product team.",
    ),
    (
        "Where is my order?",
        (
            "My order 10482 was supposed to arrive on Monday. Where is it?",
            "It has arrived, thank you.",
        ),
        (
            "Let me check. It left our warehouse on Friday.",
            "The parcel was held up in Lyon. You will get it tomorrow before noon.",
        ),
        "Carrier confirmed by phone.",
    ),
    (
        "Export to a spreadsheet",
        (
            "Is there a way to export all contacts to a spreadsheet?",
            "Found it. Could the export include the country, too?",
        ),
        (
            "Yes: open Contacts, then Actions, then Export view.",
            "You can also get it by email every Monday. Shall I set that up?",
        ),
        "Feature request: country in the export.",
    ),
    (
        "Upgrade to Professional",
        (
            "We have 40 people now. What would Professional cost us for a year?",
            "We would like to go ahead. Who signs on your side?",
        ),
        (
            "Congratulations on growing! I'll prepare a quote for 40 seats.",
            "The quote is attached. It is valid until the end of the month.",
        ),
        "They asked for a discount. The quote includes 10%.",
    ),
    (
        "Widget does not load",
        (
            "The chat widget hasn't loaded on our checkout page since this morning.",
            "Confirmed, it's working again.",
        ),
        (
            "Thank you for letting us know. Which browser do you use?",
            "Your site's content security policy blocks it. Please allow js.example.com.",
        ),
        "Same as ticket 57000122.",
    ),
)
GREETING = "Hi! Ask us anything, or pick a topic below."
BOT_ASKS = "Thanks for your message. Would you like to add anything while I find an agent?"
URGENT = "I should have mentioned that it is urgent."
LLM_ANSWERS = (
    "Here is what our help center says about it. If that doesn't help, I'll get an agent for you."
)
CHATTER = ("And one more question.", "Yes, exactly.", "I've tried that.", "Thank you!")

HOSTILE = (
    "A zero \x00 in the middle, and \\u0000 spelled out",
    "Half a pair: \ud83d alone, \udc00 alone",
    "👩🏽‍💻 says 🎉, é as e\u0301, and a flag: 🇪🇺",
    "\u202eמה שלום\u202c the order? مرحبا بكم",
    '\'; DROP TABLE messages; -- "quoted" \\backslash\\ \t tab\r\nand lines\u2028apart\x85\x1b[31m',
    "{'json': null} [] %s {0} ${HOME} <script>alert(1)</script> \ufeff\ufffe\uffff",
)
"""Strings that break software with careless text handling."""
LARGE = "All work and no play makes a dull log. " * 26_890
"""1 MB of text."""
