with conversations as (
    select * from {{ ref('conversations') }} where not coalesce(is_spam, false)
),

messages as (
    select * from {{ ref('conversation_messages') }}
),

events as (
    select * from {{ ref('conversation_events') }}
),

actors as (
    select * from {{ ref('stg_actors') }}
),

sent as (
    select
        {{ local_day('messages.created_at') }} as day,
        messages.author_id as agent_id,
        count(distinct messages.conversation_id) as conversations_handled,
        count(*) as messages_sent
    from messages
    inner join conversations on conversations.conversation_id = messages.conversation_id
    where messages.message_class = 'message'
        and messages.direction = 'outgoing'
        and messages.author_kind = 'agent'
    group by 1, 2
),

closed as (
    select
        {{ local_day('events.valid_from') }} as day,
        events.author_id as agent_id,
        count(distinct events.conversation_id) as conversations_closed
    from events
    inner join conversations on conversations.conversation_id = events.conversation_id
    where events.event_type = 'status'
        and events.new_value = 'CLOSED'
        and events.author_kind = 'agent'
    group by 1, 2
),

responded as (
    select
        {{ local_day('first_person_response_at') }} as day,
        first_person_response_by as agent_id,
        count(*) as first_responses,
        percentile_cont(0.5) within group (order by first_person_response_seconds)
            as median_first_response_seconds,
        percentile_cont(0.9) within group (order by first_person_response_seconds)
            as p90_first_response_seconds
    from conversations
    where first_person_response_at is not null
    group by 1, 2
),

days as (
    select day, agent_id from sent
    union
    select day, agent_id from closed
)

select
    cast(days.day as varchar(10)) || ' ' || days.agent_id as agent_day,
    days.day,
    days.agent_id,
    actors.name as agent_name,
    coalesce(sent.conversations_handled, 0) as conversations_handled,
    coalesce(sent.messages_sent, 0) as messages_sent,
    coalesce(closed.conversations_closed, 0) as conversations_closed,
    coalesce(responded.first_responses, 0) as first_responses,
    coalesce(responded.first_responses, 0) < 5 as has_too_few_responses,
    responded.median_first_response_seconds,
    responded.p90_first_response_seconds
from days
left join sent on sent.day = days.day and sent.agent_id = days.agent_id
left join closed on closed.day = days.day and closed.agent_id = days.agent_id
left join responded on responded.day = days.day and responded.agent_id = days.agent_id
left join actors on actors.actor_id = days.agent_id
