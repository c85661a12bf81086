{% set metrics = {
    'first_response': ('first_response_seconds', 'first_response_working_seconds'),
    'first_person_response': ('first_person_response_seconds', 'first_person_response_working_seconds'),
    'agent_first_response': ('agent_first_response_seconds', 'agent_first_response_working_seconds'),
    'first_close': ('seconds_to_first_close', 'working_seconds_to_first_close'),
    'last_close': ('seconds_to_last_close', 'working_seconds_to_last_close'),
    'unassigned': ('seconds_unassigned', 'working_seconds_unassigned'),
} -%}
with conversations as (
    select *, date_trunc('month', {{ to_zone('created_at', var('time_zone')) }}) as month
    from {{ ref('conversations') }}
    where not coalesce(is_spam, false)
),

turns as (
    select * from {{ ref('conversation_turns') }} where turn_number > 1
),

figures as (
    {% for metric, (seconds, working_seconds) in metrics.items() -%}
    select '{{ metric }}' as metric, conversation_id, month, inbox_id, {{ seconds }} as seconds, {{ working_seconds }} as working_seconds
    from conversations
    where {{ seconds }} is not null
    union all
    {% endfor -%}
    select
        'next_reply', conversations.conversation_id, conversations.month, conversations.inbox_id,
        turns.seconds_to_reply, turns.working_seconds_to_reply
    from turns
    inner join conversations on conversations.conversation_id = turns.conversation_id
    where turns.seconds_to_reply is not null
),

-- The median of several inboxes cannot be computed from theirs, so all inboxes together are a row too.
by_inbox as (
    select metric, conversation_id, month, coalesce(inbox_id, 'none') as inbox_id, seconds, working_seconds
    from figures
    union all
    select metric, conversation_id, month, 'all', seconds, working_seconds
    from figures
),

summarized as (
    select
        cast(month as date) as month,
        inbox_id,
        metric,
        count(distinct conversation_id) as conversations,
        percentile_cont(0.5) within group (order by seconds) as median_seconds,
        percentile_cont(0.9) within group (order by seconds) as p90_seconds,
        percentile_cont(0.5) within group (order by working_seconds) as median_working_seconds,
        percentile_cont(0.9) within group (order by working_seconds) as p90_working_seconds
    from by_inbox
    where month is not null
    group by 1, 2, 3
)

select
    cast(summarized.month as varchar(10)) || ' ' || summarized.inbox_id || ' ' || summarized.metric as response_time_id,
    summarized.month,
    summarized.inbox_id,
    inboxes.name as inbox_name,
    summarized.metric,
    summarized.conversations,
    summarized.conversations < 5 as is_too_few,
    summarized.median_seconds,
    summarized.p90_seconds,
    summarized.median_working_seconds,
    summarized.p90_working_seconds
from summarized
left join {{ ref('stg_inboxes') }} as inboxes on inboxes.inbox_id = summarized.inbox_id
