"""Attachments of all eight types. Each field occurs at least once."""

from __future__ import annotations

from typing import Any

PROFILE: dict[str, Any] = {
    "name": {
        "prefix": "Dr",
        "firstName": "Ada",
        "middleName": "M",
        "lastName": "Abara",
        "suffix": "Jr",
    },
    "org": {"company": "Example Ltd", "department": "Support", "title": "Lead"},
    "addresses": [
        {
            "type": "WORK",
            "street": "1 Example Street",
            "city": "Lagos",
            "state": "Lagos",
            "zip": "100001",
            "country": "Nigeria",
            "countryCode": "NG",
        },
        {},
    ],
    "emails": [{"email": "ada@example.org", "type": "WORK"}, {"email": "ada@example.net"}],
    "phones": [{"phone": "+2348012345678", "type": "CELL"}, {"phone": "+2348012345679"}],
    "urls": [{"url": "https://example.org", "type": "HOME"}, {"url": "https://example.net"}],
}
ATTACHMENTS: tuple[dict[str, Any], ...] = (
    {
        "type": "FILE",
        "fileId": "98765432101",
        "fileUsageType": "IMAGE",
        "name": "screenshot.png",
        "url": "https://files.example.com/screenshot.png?signature=abc",
    },
    {"type": "FILE", "fileId": "98765432102", "fileUsageType": "VOICE_RECORDING"},
    {
        "type": "LOCATION",
        "latitude": 52.520008,
        "longitude": -13.404954,
        "name": "Shop",
        "address": "Alexanderplatz 1, Berlin",
        "url": "https://maps.example.com/?q=52.520008",
    },
    {"type": "LOCATION", "latitude": 0.0, "longitude": 180.0},
    {"type": "CONTACT", "contactProfile": PROFILE},
    {
        "type": "CONTACT",
        "contactProfile": {"addresses": [], "emails": [], "phones": [], "urls": []},
    },
    {"type": "UNSUPPORTED_CONTENT"},
    {"type": "MESSAGE_HEADER", "fileId": 98765432103, "text": "Your order"},
    {"type": "MESSAGE_HEADER"},
    {
        "type": "QUICK_REPLIES",
        "allowMultiSelect": False,
        "allowUserInput": True,
        "quickReplies": [
            {"value": "order", "valueType": "TEXT", "label": "My order"},
            {"value": "https://example.com/help", "valueType": "URL"},
        ],
    },
    {
        "type": "WHATSAPP_TEMPLATE_METADATA",
        "contentId": 9007199254740993,
        "mappedTemplateId": 4711,
        "rootMicId": 815,
        "crmObjectIds": {"CONTACT": 9007199254740995},
        "parameters": {"1": "Ada", "2": "10482"},
    },
    {"type": "WHATSAPP_TEMPLATE_METADATA", "crmObjectIds": {}, "parameters": {}},
    {
        "type": "SOCIAL_MEDIA_METADATA",
        "socialMetadata": {
            "mediaType": "STORY",
            "id": "17900000000000000",
            "mediaTitle": "Autumn",
            "description": "A story",
            "mediaUrl": "https://social.example.com/17900000000000000",
            "mediaUrlString": "https://social.example.com/17900000000000000",
            "thumbnailUrl": "https://social.example.com/17900000000000000.jpg",
        },
    },
    {"type": "SOCIAL_MEDIA_METADATA", "socialMetadata": {"mediaType": "NONE"}},
)
PICTURE = ATTACHMENTS[0]
QUICK_REPLIES = ATTACHMENTS[9]
