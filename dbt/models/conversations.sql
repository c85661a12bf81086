with threads as (
    select * from {{ ref('stg_threads') }}
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

inboxes as (
    select * from {{ ref('stg_inboxes') }}
),

channels as (
    select * from {{ ref('stg_channels') }}
),

channel_accounts as (
    select * from {{ ref('stg_channel_accounts') }}
),

-- A row for each thread whose messages were read: nothing that counts is 0 here, and null below
-- where there is no row.
counts as (
    select
        conversation_id,
        max(read_at) as messages_read_at,
        max(created_at) as read_until,
        {% for kind in ['agent', 'visitor', 'bot', 'ai', 'email', 'integration', 'system', 'other'] -%}
        sum(case when message_class = 'message' and author_kind = '{{ kind }}' then 1 else 0 end) as messages_by_{{ kind }},
        {% endfor -%}
        sum(case when message_class = 'message' then 1 else 0 end) as messages,
        sum(case when message_class = 'message' and direction = 'incoming' then 1 else 0 end) as messages_incoming,
        sum(case when message_class = 'message' and direction = 'outgoing' then 1 else 0 end) as messages_outgoing,
        sum(case when message_class = 'message' and direction is null then 1 else 0 end) as messages_without_direction,
        sum(case when message_class = 'message' and direction = 'outgoing' and has_failed then 1 else 0 end) as messages_failed,
        sum(case when message_class = 'comment' then 1 else 0 end) as comments,
        count(distinct case
            when message_class in ('message', 'comment') and author_kind = 'agent' then author_id
        end) as agents_involved,
        min(case when message_class = 'message' then created_at end) as first_message_at,
        min(case when message_class = 'message' and direction = 'incoming' then created_at end) as first_incoming_at,
        min(case when message_class = 'message' and direction = 'outgoing' then created_at end) as first_outgoing_at,
        max(case when message_class = 'message' and direction = 'incoming' and not has_failed then created_at end) as last_incoming_at,
        max(case when message_class = 'message' and direction = 'outgoing' and not has_failed then created_at end) as last_outgoing_at
    from messages
    group by conversation_id
),

answers as (
    select
        messages.*,
        row_number() over (
            partition by messages.conversation_id
            order by
                messages.created_at,
                case when messages.author_kind = 'agent' then 0 else 1 end,
                messages.message_id
        ) as place,
        row_number() over (
            partition by messages.conversation_id, messages.author_kind
            order by messages.created_at, messages.message_id
        ) as place_among_its_kind
    from messages
    inner join counts on counts.conversation_id = messages.conversation_id
    where messages.message_class = 'message'
        and messages.direction = 'outgoing'
        and not messages.has_failed
        and messages.created_at >= counts.first_incoming_at
),

first_answers as (
    select * from answers where place = 1
),

first_answers_by_people as (
    select * from answers where author_kind = 'agent' and place_among_its_kind = 1
),

sent_by_people as (
    select
        conversation_id,
        author_id,
        row_number() over (
            partition by conversation_id order by created_at desc, message_id desc
        ) as place_from_the_end
    from messages
    where message_class = 'message' and direction = 'outgoing' and author_kind = 'agent'
),

last_agents as (
    select * from sent_by_people where place_from_the_end = 1
),

unanswered as (
    select
        messages.conversation_id,
        min(messages.created_at) as since
    from messages
    inner join counts on counts.conversation_id = messages.conversation_id
    where messages.message_class = 'message'
        and messages.direction = 'incoming'
        and not messages.has_failed
        and (counts.last_outgoing_at is null or messages.created_at > counts.last_outgoing_at)
    group by messages.conversation_id
),

statuses as (
    select
        conversation_id,
        min(case when new_value = 'CLOSED' then valid_from end) as first_closed_at,
        max(case when new_value = 'CLOSED' then valid_from end) as last_closed_at,
        sum(case when new_value = 'OPEN' and old_value = 'CLOSED' then 1 else 0 end) as reopened_count,
        max(case when is_current then new_value end) as last_status
    from events
    where event_type = 'status'
    group by conversation_id
),

said as (
    select
        threads.thread_id,
        case
            when counts.conversation_id is null then null
            when threads.latest_message_at is null then true
            else date_trunc('second', counts.read_until)
                >= date_trunc('second', threads.latest_message_at)
        end as has_complete_messages,
        coalesce(threads.status = 'CLOSED', false)
            or coalesce(threads.is_archived, false)
            or coalesce(threads.is_spam, false) as is_out_of_work
    from threads
    left join counts on counts.conversation_id = threads.thread_id
),

turns as (
    select
        said.thread_id,
        case
            when said.is_out_of_work then null
            when said.has_complete_messages and unanswered.since is not null then 'business'
            when said.has_complete_messages and counts.last_outgoing_at is not null then 'visitor'
            when said.has_complete_messages then null
            when threads.latest_message_sent_at >= threads.latest_message_received_at then 'visitor'
            when threads.latest_message_received_at is not null then 'business'
            when threads.latest_message_sent_at is not null then 'visitor'
        end as awaiting_reply_from,
        case
            when said.is_out_of_work or not said.has_complete_messages then null
            else coalesce(unanswered.since, counts.last_outgoing_at)
        end as waiting_since
    from said
    inner join threads on threads.thread_id = said.thread_id
    left join counts on counts.conversation_id = said.thread_id
    left join unanswered on unanswered.conversation_id = said.thread_id
),

closings as (
    select
        threads.thread_id,
        statuses.first_closed_at,
        coalesce(
            case when threads.status = 'CLOSED' then threads.closed_at end,
            statuses.last_closed_at
        ) as last_closed_at,
        case
            when counts.conversation_id is null then null
            when threads.status <> coalesce(statuses.last_status, 'OPEN') then null
            else coalesce(statuses.reopened_count, 0)
        end as reopened_count
    from threads
    left join counts on counts.conversation_id = threads.thread_id
    left join statuses on statuses.conversation_id = threads.thread_id
)

select
    threads.thread_id as conversation_id,
    threads.created_at,
    threads.status,
    threads.closed_at,
    threads.is_spam,
    threads.is_archived,
    threads.inbox_id,
    inboxes.name as inbox_name,
    threads.channel_id,
    channels.name as channel_name,
    threads.channel_account_id,
    channel_accounts.name as channel_account_name,
    threads.contact_id,
    threads.ticket_id,
    threads.assigned_to,
    assignees.name as assigned_to_name,
    threads.latest_message_at,
    turns.awaiting_reply_from,
    turns.waiting_since,

    counts.messages_read_at,
    said.has_complete_messages,
    counts.first_message_at,
    case
        when counts.first_incoming_at <= counts.first_outgoing_at then 'visitor'
        when counts.first_outgoing_at is not null then 'business'
        when counts.first_incoming_at is not null then 'visitor'
    end as started_by,
    counts.first_incoming_at,

    first_answers.created_at as first_response_at,
    {{ seconds_between('counts.first_incoming_at', 'first_answers.created_at') }} as first_response_seconds,
    first_answers.author_id as first_response_by,
    first_answers.author_kind as first_response_by_kind,
    responders.name as first_response_by_name,
    first_answers.channel_account_id as first_response_channel_account_id,
    response_accounts.name as first_response_channel_account_name,

    first_answers_by_people.created_at as first_person_response_at,
    {{ seconds_between('counts.first_incoming_at', 'first_answers_by_people.created_at') }} as first_person_response_seconds,
    first_answers_by_people.author_id as first_person_response_by,
    people.name as first_person_response_by_name,
    first_answers_by_people.channel_account_id as first_person_response_channel_account_id,
    person_response_accounts.name as first_person_response_channel_account_name,

    closings.first_closed_at,
    {{ seconds_between('threads.created_at', 'closings.first_closed_at') }} as seconds_to_first_close,
    closings.last_closed_at,
    {{ seconds_between('threads.created_at', 'closings.last_closed_at') }} as seconds_to_last_close,
    closings.reopened_count,

    counts.messages,
    counts.messages_incoming,
    counts.messages_outgoing,
    counts.messages_without_direction,
    counts.messages_by_agent,
    counts.messages_by_visitor,
    counts.messages_by_bot,
    counts.messages_by_ai,
    counts.messages_by_email,
    counts.messages_by_integration,
    counts.messages_by_system,
    counts.messages_by_other,
    counts.messages_failed,
    counts.comments,
    counts.agents_involved,
    last_agents.author_id as last_agent,
    last_agent_actors.name as last_agent_name
from threads
inner join said on said.thread_id = threads.thread_id
inner join turns on turns.thread_id = threads.thread_id
inner join closings on closings.thread_id = threads.thread_id
left join counts on counts.conversation_id = threads.thread_id
left join first_answers on first_answers.conversation_id = threads.thread_id
left join first_answers_by_people on first_answers_by_people.conversation_id = threads.thread_id
left join last_agents on last_agents.conversation_id = threads.thread_id
left join inboxes on inboxes.inbox_id = threads.inbox_id
left join channels on channels.channel_id = threads.channel_id
left join channel_accounts on channel_accounts.channel_account_id = threads.channel_account_id
left join actors as assignees on assignees.actor_id = threads.assigned_to
left join actors as responders on responders.actor_id = first_answers.author_id
left join channel_accounts as response_accounts
    on response_accounts.channel_account_id = first_answers.channel_account_id
left join actors as people on people.actor_id = first_answers_by_people.author_id
left join channel_accounts as person_response_accounts
    on person_response_accounts.channel_account_id = first_answers_by_people.channel_account_id
left join actors as last_agent_actors on last_agent_actors.actor_id = last_agents.author_id
