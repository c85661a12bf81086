with messages as (
    select * from {{ ref('stg_messages') }}
),

actors as (
    select * from {{ ref('stg_actors') }}
)

select
    messages.message_id,
    messages.thread_id as conversation_id,
    messages.created_at,
    case
        when messages.is_archived then 'archived'
        when messages.type = 'MESSAGE' then 'message'
        when messages.type = 'COMMENT' then 'comment'
        when messages.type = 'WELCOME_MESSAGE' then 'welcome'
        else 'event'
    end as message_class,
    case messages.direction
        when 'INCOMING' then 'incoming'
        when 'OUTGOING' then 'outgoing'
    end as direction,
    messages.created_by as author_id,
    case
        when messages.created_by like 'A-%' then 'agent'
        when messages.created_by like 'V-%' then 'visitor'
        when messages.created_by like 'B-%' then 'bot'
        when messages.created_by like 'L-%' then 'ai'
        when messages.created_by like 'E-%' then 'email'
        when messages.created_by like 'I-%' then 'integration'
        when messages.created_by like 'S-%' then 'system'
        when actors.type = 'AGENT' then 'agent'
        when actors.type = 'VISITOR' then 'visitor'
        when actors.type = 'BOT' then 'bot'
        when actors.type = 'LLM' then 'ai'
        when actors.type = 'EMAIL' then 'email'
        when actors.type = 'INTEGRATOR' then 'integration'
        when actors.type = 'SYSTEM' then 'system'
        else 'other'
    end as author_kind,
    coalesce(messages.status_type = 'FAILED', false) as has_failed,
    messages.channel_account_id,
    messages.read_at
from messages
left join actors on actors.actor_id = messages.created_by
