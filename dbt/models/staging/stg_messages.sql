with source as (
    {{ loaded('messages') }}
),

deleted as (
    select * from {{ ref('stg_deleted_threads') }}
)

select
    {{ col('id') }} as message_id,
    {{ col('conversationsThreadId') }} as thread_id,
    {{ col('type') }} as type,
    {{ col('createdAt') }} as created_at,
    {{ col('updatedAt') }} as updated_at,
    {{ col('createdBy') }} as created_by,
    {{ field(col('client'), 'clientType') }} as client_type,
    {{ col('senders') }} as senders,
    {{ col('recipients') }} as recipients,
    {{ col('archived') }} as is_archived,
    {{ text_or_plain(col('text'), col('richText')) }} as text,
    {{ col('text') }} as hubspot_text,
    {{ col('richText') }} as rich_text,
    {{ col('attachments') }} as attachments,
    {{ col('subject') }} as subject,
    {{ col('truncationStatus') }} as truncation_status,
    {{ col('inReplyToId') }} as in_reply_to_id,
    {{ field(col('status'), 'statusType') }} as status_type,
    {{ col('direction') }} as direction,
    {{ col('channelId') }} as channel_id,
    {{ col('channelAccountId') }} as channel_account_id,
    {{ col('assignedTo') }} as assigned_to,
    {{ col('assignedFrom') }} as assigned_from,
    {{ col('newStatus') }} as new_status,
    {{ col('fromInboxId') }} as from_inbox_id,
    {{ col('toInboxId') }} as to_inbox_id,
    {{ col('_sdc_extracted_at') }} as read_at
from source
where not exists (
    select 1 from deleted where deleted.thread_id = source.{{ col('conversationsThreadId') }}
)
