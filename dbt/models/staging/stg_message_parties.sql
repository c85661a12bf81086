-- Who a message came from and went to: a row for each place in its lists of senders and recipients.
with messages as (
    select message_id, thread_id, senders, recipients, read_at from {{ ref('stg_messages') }}
),

senders as (
    {{ each('messages', 'senders') }}
),

recipients as (
    {{ each('messages', 'recipients') }}
),

parties as (
    select
        message_id, thread_id, read_at, 'sender' as role, item, place,
        {{ field('item', 'senderField') }} as address_field
    from senders
    union all
    select
        message_id, thread_id, read_at, 'recipient' as role, item, place,
        {{ field('item', 'recipientField') }} as address_field
    from recipients
)

select
    {{ dbt.hash("message_id || ' ' || role || ' ' || cast(place as varchar(10))") }} as party_id,
    message_id,
    thread_id,
    role,
    place,
    {{ field('item', 'actorId') }} as actor_id,
    {{ field('item', 'name') }} as name,
    address_field,
    coalesce(
        {{ field('item', 'deliveryIdentifier', 'type') }},
        {{ field('item', 'deliveryIdentifiers', 0, 'type') }}
    ) as delivery_identifier_type,
    coalesce(
        {{ field('item', 'deliveryIdentifier', 'value') }},
        {{ field('item', 'deliveryIdentifiers', 0, 'value') }}
    ) as delivery_identifier_value,
    read_at
from parties
