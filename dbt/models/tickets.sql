with conversations as (
    select * from {{ ref('conversations') }} where ticket_id is not null
),

rolled_up as (
    select
        ticket_id,
        count(*) as conversations,
        count(case when status = 'CLOSED' then null else 1 end) as conversations_open,
        min(created_at) as created_at,
        min(first_incoming_at) as first_incoming_at,
        min(first_response_at) as first_response_at,
        min(first_person_response_at) as first_person_response_at,
        min(first_closed_at) as first_closed_at,
        max(last_closed_at) as last_closed_at,
        cast(sum(reopened_count) as bigint) as reopened_count,
        cast(sum(messages) as bigint) as messages,
        cast(sum(messages_incoming) as bigint) as messages_incoming,
        cast(sum(messages_outgoing) as bigint) as messages_outgoing,
        min(case when awaiting_reply_from = 'business' then waiting_since end) as business_waited_since,
        max(case when awaiting_reply_from = 'visitor' then waiting_since end) as visitor_waited_since,
        count(case when has_complete_messages then null else 1 end) as conversations_incomplete,
        count(case when messages is null then 1 end) as conversations_unread
    from conversations
    group by ticket_id
),

spans as (
    select ticket_id, 'response' as span, first_incoming_at as begins_at, first_response_at as ends_at
    from rolled_up
    union all
    select ticket_id, 'person_response', first_incoming_at, first_person_response_at
    from rolled_up
    union all
    select ticket_id, 'last_close', created_at, last_closed_at
    from rolled_up
    where conversations_open = 0
),

measured as (
    {{ measured('spans') }}
),

durations as (
    {{ durations('ticket_id', ['response', 'person_response', 'last_close']) }}
)

select
    rolled_up.ticket_id,
    rolled_up.conversations,
    rolled_up.conversations_open,
    rolled_up.created_at,
    rolled_up.conversations_incomplete = 0 as has_complete_messages,
    case
        when rolled_up.conversations_incomplete > 0 then null
        when rolled_up.business_waited_since is not null then 'business'
        when rolled_up.visitor_waited_since is not null then 'visitor'
    end as awaiting_reply_from,
    case
        when rolled_up.conversations_incomplete = 0
            then coalesce(rolled_up.business_waited_since, rolled_up.visitor_waited_since)
    end as waiting_since,
    rolled_up.first_incoming_at,
    rolled_up.first_response_at,
    durations.response_seconds as first_response_seconds,
    durations.response_working_seconds as first_response_working_seconds,
    rolled_up.first_person_response_at,
    durations.person_response_seconds as first_person_response_seconds,
    durations.person_response_working_seconds as first_person_response_working_seconds,
    rolled_up.first_closed_at,
    case when rolled_up.conversations_open = 0 then rolled_up.last_closed_at end as last_closed_at,
    durations.last_close_seconds as seconds_to_last_close,
    durations.last_close_working_seconds as working_seconds_to_last_close,
    rolled_up.reopened_count,
    case when rolled_up.conversations_unread = 0 then rolled_up.messages end as messages,
    case when rolled_up.conversations_unread = 0 then rolled_up.messages_incoming end as messages_incoming,
    case when rolled_up.conversations_unread = 0 then rolled_up.messages_outgoing end as messages_outgoing
from rolled_up
left join durations on durations.ticket_id = rolled_up.ticket_id
