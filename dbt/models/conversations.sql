{% set people = "('agent', 'staff')" %}
{% set bots = "('bot', 'ai')" %}
{% set is_unassigned_known = "said.has_complete_messages and threads.assigned_to is not distinct from assigned.last_assignee" %}

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
        {% for kind in ['agent', 'staff', 'visitor', 'bot', 'ai', 'email', 'integration', 'system', 'other'] -%}
        count(case when message_class = 'message' and author_kind = '{{ kind }}' then 1 end) as messages_by_{{ kind }},
        {% endfor -%}
        count(case when message_class = 'message' then 1 end) as messages,
        count(case when message_class = 'message' and direction = 'incoming' then 1 end) as messages_incoming,
        count(case when message_class = 'message' and direction = 'outgoing' then 1 end) as messages_outgoing,
        count(case when message_class = 'message' and direction is null then 1 end) as messages_without_direction,
        count(case when message_class = 'message' and direction = 'outgoing' and has_failed then 1 end) as messages_failed,
        count(case when message_class = 'comment' then 1 end) as comments,
        count(distinct case
            when message_class in ('message', 'comment') and author_kind = 'agent' then author_id
        end) as agents_involved,
        min(case when message_class = 'message' then created_at end) as first_message_at,
        min(case when message_class = 'message' and direction = 'incoming' then created_at end) as first_incoming_at,
        min(case when message_class = 'message' and direction = 'incoming' and is_form then created_at end) as first_form_at,
        min(case when message_class = 'message' and direction = 'outgoing' then created_at end) as first_outgoing_at,
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
                case when messages.author_kind in {{ people }} then 0 else 1 end,
                messages.message_id
        ) as place,
        row_number() over (
            partition by
                messages.conversation_id,
                case
                    when messages.author_kind in {{ people }} then 'person'
                    when messages.author_kind in {{ bots }} then 'bot'
                end
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
    select * from answers where author_kind in {{ people }} and place_among_its_kind = 1
),

first_answers_by_bots as (
    select * from answers where author_kind in {{ bots }} and place_among_its_kind = 1
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
        count(case when new_value = 'OPEN' and old_value = 'CLOSED' then 1 end) as reopened_count,
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
            when unanswered.since is not null then 'business'
            when counts.last_outgoing_at is not null then 'visitor'
        end as awaiting_reply_from,
        coalesce(unanswered.since, counts.last_outgoing_at) as waiting_since
    from said
    left join counts on counts.conversation_id = said.thread_id
    left join unanswered on unanswered.conversation_id = said.thread_id
    where said.has_complete_messages and not said.is_out_of_work
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
),

-- The last sync that loaded a thread: what no later message contradicts is true until then.
synced as (
    select max(read_at) as synced_at from threads
),

assignments as (
    select
        *,
        row_number() over (partition by conversation_id order by valid_from, event_id) as place
    from events
    where event_type = 'assignment'
),

assigned as (
    select
        conversation_id,
        min(valid_from) as first_event_at,
        max(case when place = 1 then old_value end) as first_assignee,
        max(case when is_current then new_value end) as last_assignee,
        min(case when new_kind = 'agent' then valid_from end) as first_assigned_at
    from assignments
    group by conversation_id
),

-- Each time without an assignee, before the first close.
without_assignee as (
    select
        threads.thread_id as conversation_id,
        threads.created_at as begins_at,
        assigned.first_event_at as until
    from threads
    left join assigned on assigned.conversation_id = threads.thread_id
    where assigned.first_assignee is null
    union all
    select conversation_id, valid_from, valid_until
    from assignments
    where new_value is null
),

unassigned as (
    select
        without_assignee.conversation_id,
        'unassigned' as span,
        without_assignee.begins_at,
        case
            when without_assignee.until < coalesce(closings.first_closed_at, closings.last_closed_at, synced.synced_at)
                then without_assignee.until
            else coalesce(closings.first_closed_at, closings.last_closed_at, synced.synced_at)
        end as ends_at
    from without_assignee
    inner join closings on closings.thread_id = without_assignee.conversation_id
    cross join synced
),

spans as (
    select counts.conversation_id, 'response' as span, counts.first_incoming_at as begins_at, first_answers.created_at as ends_at
    from counts
    inner join first_answers on first_answers.conversation_id = counts.conversation_id
    union all
    select counts.conversation_id, 'person_response', counts.first_incoming_at, first_answers_by_people.created_at
    from counts
    inner join first_answers_by_people on first_answers_by_people.conversation_id = counts.conversation_id
    union all
    select assigned.conversation_id, 'agent_response', assigned.first_assigned_at, first_answers_by_people.created_at
    from assigned
    inner join first_answers_by_people on first_answers_by_people.conversation_id = assigned.conversation_id
    where first_answers_by_people.created_at >= assigned.first_assigned_at
    union all
    {% for close in ['first', 'last'] -%}
    select closings.thread_id, '{{ close }}_close', threads.created_at, closings.{{ close }}_closed_at
    from closings
    inner join threads on threads.thread_id = closings.thread_id
    union all
    {% endfor -%}
    select conversation_id, span, begins_at, ends_at
    from unassigned
    where ends_at > begins_at
),

measured as (
    {{ measured('spans') }}
),

durations as (
    {{ durations('conversation_id', ['response', 'person_response', 'agent_response', 'first_close', 'last_close', 'unassigned']) }}
),

pauses as (
    select
        conversation_id,
        created_at,
        lead(created_at) over (partition by conversation_id order by created_at) as next_at
    from messages
    where message_class = 'message'
),

-- The first message from a bot's answer on that 72 hours without a message followed.
quiet as (
    select pauses.conversation_id, min(pauses.created_at) as since
    from pauses
    inner join first_answers_by_bots on first_answers_by_bots.conversation_id = pauses.conversation_id
    inner join said on said.thread_id = pauses.conversation_id
    cross join synced
    where pauses.created_at >= first_answers_by_bots.created_at
        and {{ dbt.dateadd('hour', 72, 'pauses.created_at') }}
            <= coalesce(pauses.next_at, case when said.has_complete_messages then synced.synced_at end)
    group by pauses.conversation_id
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
        when counts.first_form_at = counts.first_incoming_at
            and (counts.first_outgoing_at is null or counts.first_form_at <= counts.first_outgoing_at)
            then 'form'
        when counts.first_incoming_at <= counts.first_outgoing_at then 'visitor'
        when counts.first_outgoing_at is not null then 'business'
        when counts.first_incoming_at is not null then 'visitor'
    end as started_by,
    counts.first_incoming_at,

    first_answers.created_at as first_response_at,
    durations.response_seconds as first_response_seconds,
    durations.response_working_seconds as first_response_working_seconds,
    first_answers.author_id as first_response_by,
    first_answers.author_kind as first_response_by_kind,
    responders.name as first_response_by_name,
    first_answers.channel_account_id as first_response_channel_account_id,
    response_accounts.name as first_response_channel_account_name,

    first_answers_by_people.created_at as first_person_response_at,
    durations.person_response_seconds as first_person_response_seconds,
    durations.person_response_working_seconds as first_person_response_working_seconds,
    first_answers_by_people.author_id as first_person_response_by,
    people.name as first_person_response_by_name,
    first_answers_by_people.channel_account_id as first_person_response_channel_account_id,
    person_response_accounts.name as first_person_response_channel_account_name,

    assigned.first_assigned_at,
    durations.agent_response_seconds as agent_first_response_seconds,
    durations.agent_response_working_seconds as agent_first_response_working_seconds,
    case when {{ is_unassigned_known }} then coalesce(durations.unassigned_seconds, 0) end as seconds_unassigned,
    case when {{ is_unassigned_known }} then coalesce(durations.unassigned_working_seconds, {{ 'null' if var('working_hours') is none else 0 }}) end
        as working_seconds_unassigned,

    first_answers_by_bots.created_at as first_bot_response_at,
    case
        when counts.conversation_id is null then null
        when first_answers_by_people.created_at is not null then false
        when said.has_complete_messages then first_answers_by_bots.created_at is not null
    end as is_handled_by_bot_only,
    case
        when first_answers_by_bots.created_at < first_answers_by_people.created_at
            then first_answers_by_people.created_at
    end as person_took_over_at,
    case
        when counts.conversation_id is null then null
        when first_answers_by_people.created_at <= quiet.since then false
        when quiet.since is not null then true
        when first_answers_by_people.created_at is not null then false
        when said.has_complete_messages and first_answers_by_bots.created_at is null then false
    end as is_deflected,

    closings.first_closed_at,
    durations.first_close_seconds as seconds_to_first_close,
    durations.first_close_working_seconds as working_seconds_to_first_close,
    closings.last_closed_at,
    durations.last_close_seconds as seconds_to_last_close,
    durations.last_close_working_seconds as working_seconds_to_last_close,
    closings.reopened_count,

    counts.messages,
    counts.messages_incoming,
    counts.messages_outgoing,
    counts.messages_without_direction,
    counts.messages_by_agent,
    counts.messages_by_staff,
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
left join turns on turns.thread_id = threads.thread_id
inner join closings on closings.thread_id = threads.thread_id
left join counts on counts.conversation_id = threads.thread_id
left join first_answers on first_answers.conversation_id = threads.thread_id
left join first_answers_by_people on first_answers_by_people.conversation_id = threads.thread_id
left join first_answers_by_bots on first_answers_by_bots.conversation_id = threads.thread_id
left join assigned on assigned.conversation_id = threads.thread_id
left join durations on durations.conversation_id = threads.thread_id
left join quiet on quiet.conversation_id = threads.thread_id
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
