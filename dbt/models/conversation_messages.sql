with messages as (
    select * from {{ ref('stg_messages') }}
),

actors as (
    select * from {{ ref('stg_actors') }}
),

own_addresses as (
    select * from {{ ref('stg_own_addresses') }}
),

senders as (
    select
        *,
        row_number() over (
            partition by message_id
            order by
                case address_field when 'ORIGINAL_FROM' then 0 when 'FROM' then 1 else 2 end,
                place
        ) as place_by_field
    from {{ ref('stg_message_parties') }}
    where role = 'sender'
),

-- Of a forwarded mail the writer is its original sender; createdBy may be who forwarded it.
written as (
    select
        messages.*,
        case
            when senders.address_field = 'ORIGINAL_FROM' then senders.actor_id
            else coalesce(messages.created_by, senders.actor_id)
        end as author_id,
        senders.name as sender_name,
        senders.delivery_identifier_value as author_address
    from messages
    left join senders
        on senders.message_id = messages.message_id and senders.place_by_field = 1
),

known as (
    select
        written.*,
        coalesce(
            {{ actor_kind('written.author_id', 'actors.type') }},
            case when written.author_id is null and written.author_address like '%@%' then 'email' end,
            'other'
        ) as author_kind,
        coalesce(actors.name, written.sender_name) as author_name,
        coalesce(own_addresses.name, own_domains.name) is not null as is_from_own_address
    from written
    left join actors on actors.actor_id = written.author_id
    left join own_addresses on own_addresses.name = lower(written.author_address)
    left join own_addresses as own_domains
        on own_domains.name = split_part(lower(written.author_address), '@', 2)
)

select
    message_id,
    thread_id as conversation_id,
    created_at,
    case
        when is_archived then 'archived'
        when type = 'MESSAGE' then 'message'
        when type = 'COMMENT' then 'comment'
        when type = 'WELCOME_MESSAGE' then 'welcome'
        else 'event'
    end as message_class,
    case
        when coalesce(type, '') <> 'MESSAGE' then null
        when author_kind in ('agent', 'bot', 'ai', 'integration') then 'outgoing'
        when is_from_own_address then 'outgoing'
        when direction = 'INCOMING' then 'incoming'
        when direction = 'OUTGOING' then 'outgoing'
    end as direction,
    direction as hubspot_direction,
    coalesce(channel_id = '1003', false) as is_form,
    author_id,
    case
        when is_from_own_address and author_kind in ('visitor', 'email', 'other') then 'staff'
        else author_kind
    end as author_kind,
    author_name,
    author_address,
    coalesce(status_type = 'FAILED', false) as has_failed,
    channel_account_id,
    read_at
from known
