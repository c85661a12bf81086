with source as (
    {{ loaded('threads') }}
),

deleted as (
    select * from {{ ref('stg_deleted_threads') }}
)

select
    {{ col('id') }} as thread_id,
    {{ col('createdAt') }} as created_at,
    {{ col('closedAt') }} as closed_at,
    {{ col('status') }} as status,
    {{ col('originalChannelId') }} as channel_id,
    {{ col('originalChannelAccountId') }} as channel_account_id,
    {{ col('latestMessageTimestamp') }} as latest_message_at,
    {{ col('latestMessageSentTimestamp') }} as latest_message_sent_at,
    {{ col('latestMessageReceivedTimestamp') }} as latest_message_received_at,
    {{ col('assignedTo') }} as assigned_to,
    {{ col('spam') }} as is_spam,
    {{ col('inboxId') }} as inbox_id,
    {{ col('associatedContactId') }} as contact_id,
    {{ field(col('threadAssociations'), 'associatedTicketId') }} as ticket_id,
    {{ col('archived') }} as is_archived,
    {{ col('_sdc_extracted_at') }} as read_at
from source
where not exists (select 1 from deleted where deleted.thread_id = source.{{ col('id') }})
