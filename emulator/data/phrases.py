"""The texts of the sample account's conversations."""

from __future__ import annotations

Scene = tuple[str, tuple[str, str], tuple[str, str], str]
"""A subject; what the visitor says first and last, what the agent does, and what is noted."""

SCENES: tuple[Scene, ...] = (
    (
        "Invoice for October",
        (
            "Hello, the invoice for October shows two seats too many. Can you correct it?",
            "Thank you, the new invoice is here. All good now!",
        ),
        (
            "Good morning! I see it too: two seats were removed on the 3rd. One moment, please.",
            "The invoice is corrected, and a credit note is on its way to you.",
        ),
        "Seats were removed on the 3rd, billing ran on the 2nd.",
    ),
    (
        "Cannot sign in",
        (
            "I cannot sign in any more. It says that my link has expired.",
            "That one works. Thanks for the quick help.",
        ),
        (
            "Sorry about that. Did you open the link on another device?",
            "I have just sent you a new link. It is good for an hour.",
        ),
        "Third one this week with the expired link: told the product team.",
    ),
    (
        "Where is my order?",
        (
            "My order 10482 was to arrive on Monday. Where is it?",
            "It is here now, thank you.",
        ),
        (
            "Let me look. It left our house on Friday.",
            "The parcel was held up in Lyon; it will be with you tomorrow before noon.",
        ),
        "Carrier confirmed by phone.",
    ),
    (
        "Export to a spreadsheet",
        (
            "Is there a way to export all contacts to a spreadsheet?",
            "Found it. Could the export have the country, too?",
        ),
        (
            "There is: Contacts, then Actions, then Export view.",
            "You can also have it sent to you every Monday. Shall I set that up?",
        ),
        "Wants the country in the export: a wish for the roadmap.",
    ),
    (
        "Upgrade to Professional",
        (
            "We are 40 people now. What would Professional cost us for a year?",
            "We would like to go ahead. Who signs on your side?",
        ),
        (
            "Congratulations on growing! I will prepare an offer for 40 seats.",
            "The offer is attached. It holds until the end of the month.",
        ),
        "Asked for a discount; the offer has 10 %.",
    ),
    (
        "Widget does not load",
        (
            "The chat widget does not load on our checkout page since this morning.",
            "Confirmed, it loads again.",
        ),
        (
            "Thank you for telling us. Which browser do you use?",
            "A content policy of your site blocked it. Please allow js.example.com.",
        ),
        "Same as ticket 57000122.",
    ),
)
GREETING = "Hi! Ask us anything, or pick a topic below."
BOT_ASKS = "Thanks for your message. Is there anything else to know while I find somebody?"
URGENT = "I should have said: it is rather urgent."
LLM_ANSWERS = (
    "Here is what our help pages say about it. If that is not enough, I will get somebody."
)
CHATTER = ("And one more thing.", "Yes, exactly.", "I have tried that.", "Thank you!")

HOSTILE = (
    "A zero \x00 in the middle, and \\u0000 spelled out",
    "Half a pair: \ud83d alone, \udc00 alone",
    "👩🏽‍💻 says 🎉, é as e\u0301, and a flag: 🇪🇺",
    "\u202eמה שלום\u202c the order? مرحبا بكم",
    '\'; DROP TABLE messages; -- "quoted" \\backslash\\ \t tab\r\nand lines\u2028apart\x85\x1b[31m',
    "{'json': null} [] %s {0} ${HOME} <script>alert(1)</script> \ufeff\ufffe\uffff",
)
"""Texts that break what is not careful with texts."""
LARGE = "All work and no play makes a dull log. " * 26_890
"""A megabyte."""
