{# At one moment the visitor comes first, then people, then the others. #}
{% set order_of_turns -%}
created_at,
                    case when direction = 'incoming' then 0 else 1 end,
                    case when author_kind in ('agent', 'staff') then 0 else 1 end,
                    message_id
{%- endset %}

with messages as (
    select
        *,
        lag(direction) over (
            partition by conversation_id order by {{ order_of_turns }}
        ) as previous_direction
    from {{ ref('conversation_messages') }}
    where message_class = 'message' and direction is not null and not has_failed
),

actors as (
    select * from {{ ref('stg_actors') }}
),

numbered as (
    select
        *,
        cast(
            sum(
                case when direction = 'incoming' and coalesce(previous_direction, 'outgoing') = 'outgoing' then 1 else 0 end
            ) over (
                partition by conversation_id
                order by {{ order_of_turns }}
                rows between unbounded preceding and current row
            ) as integer
        ) as turn_number
    from messages
),

questions as (
    select
        conversation_id,
        turn_number,
        min(created_at) as asked_at,
        count(*) as messages_incoming
    from numbered
    where direction = 'incoming'
    group by conversation_id, turn_number
),

replies as (
    select *
    from numbered
    where direction = 'outgoing' and previous_direction = 'incoming'
),

spans as (
    select
        questions.*,
        replies.author_id,
        replies.author_kind,
        questions.asked_at as begins_at,
        replies.created_at as ends_at
    from questions
    left join replies
        on replies.conversation_id = questions.conversation_id
        and replies.turn_number = questions.turn_number
),

measured as (
    {{ measured('spans') }}
)

select
    measured.conversation_id || ' ' || cast(measured.turn_number as varchar(10)) as turn_id,
    measured.conversation_id,
    measured.turn_number,
    measured.asked_at,
    measured.messages_incoming,
    measured.ends_at as replied_at,
    measured.author_id as replied_by,
    measured.author_kind as replied_by_kind,
    actors.name as replied_by_name,
    measured.seconds as seconds_to_reply,
    measured.working_seconds as working_seconds_to_reply
from measured
left join actors on actors.actor_id = measured.author_id
