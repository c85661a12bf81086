-- No message is in no bucket: sides and kinds of sender both add up to all.
select conversation_id
from {{ ref('conversations') }}
where messages <> messages_incoming + messages_outgoing + messages_without_direction
    or messages <> messages_by_agent + messages_by_staff + messages_by_visitor + messages_by_bot + messages_by_ai
        + messages_by_email + messages_by_integration + messages_by_system + messages_by_other
