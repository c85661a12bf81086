with messages as (
    select * from {{ ref('stg_messages') }}
),

authors as (
    select * from {{ ref('conversation_messages') }}
),

actors as (
    select * from {{ ref('stg_actors') }}
),

inboxes as (
    select * from {{ ref('stg_inboxes') }}
),

events as (
    select
        messages.message_id as event_id,
        messages.thread_id as conversation_id,
        case messages.type
            when 'THREAD_STATUS_CHANGE' then 'status'
            when 'ASSIGNMENT' then 'assignment'
            when 'THREAD_INBOX_CHANGE' then 'inbox'
        end as event_type,
        coalesce(messages.assigned_from, messages.from_inbox_id) as told_old_value,
        coalesce(messages.new_status, messages.assigned_to, messages.to_inbox_id) as new_value,
        messages.created_at as valid_from,
        authors.author_id,
        authors.author_kind
    from messages
    inner join authors on authors.message_id = messages.message_id
    where authors.message_class = 'event'
        and messages.type in ('THREAD_STATUS_CHANGE', 'ASSIGNMENT', 'THREAD_INBOX_CHANGE')
),

history as (
    select
        events.*,
        lag(new_value) over (
            partition by conversation_id, event_type order by valid_from, event_id
        ) as previous_value,
        lead(valid_from) over (
            partition by conversation_id, event_type order by valid_from, event_id
        ) as valid_until,
        lead(event_id) over (
            partition by conversation_id, event_type order by valid_from, event_id
        ) as next_event_id
    from events
)

select
    history.event_id,
    history.conversation_id,
    history.event_type,
    case
        when history.event_type = 'status' then history.previous_value
        else history.told_old_value
    end as old_value,
    history.new_value,
    coalesce(actors.name, inboxes.name) as new_name,
    case
        when history.event_type = 'assignment' and history.new_value is not null
            then coalesce({{ actor_kind('history.new_value', 'actors.type') }}, 'other')
    end as new_kind,
    history.valid_from,
    history.valid_until,
    history.next_event_id is null as is_current,
    history.author_id,
    history.author_kind
from history
left join actors
    on history.event_type = 'assignment' and actors.actor_id = history.new_value
left join inboxes
    on history.event_type = 'inbox' and inboxes.inbox_id = history.new_value
