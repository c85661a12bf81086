with source as (
    {{ loaded('messages') }}
),

deleted as (
    select * from {{ ref('stg_deleted_threads') }}
)

select
    id as message_id,
    conversations_thread_id as thread_id,
    type,
    created_at,
    updated_at,
    created_by,
    {{ field('client', 'clientType') }} as client_type,
    senders,
    recipients,
    archived as is_archived,
    {{ text_or_plain('text', 'rich_text') }} as text,
    text as hubspot_text,
    rich_text,
    attachments,
    subject,
    truncation_status,
    in_reply_to_id,
    {{ field('status', 'statusType') }} as status_type,
    direction,
    channel_id,
    channel_account_id,
    assigned_to,
    assigned_from,
    new_status,
    from_inbox_id,
    to_inbox_id,
    _sdc_extracted_at as read_at
from source
where not exists (
    select 1 from deleted where deleted.thread_id = source.conversations_thread_id
)
