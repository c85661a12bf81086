with source as (
    {{ loaded('threads') }}
),

deleted as (
    select * from {{ ref('stg_deleted_threads') }}
)

select
    id as thread_id,
    created_at,
    closed_at,
    status,
    original_channel_id as channel_id,
    original_channel_account_id as channel_account_id,
    latest_message_timestamp as latest_message_at,
    latest_message_sent_timestamp as latest_message_sent_at,
    latest_message_received_timestamp as latest_message_received_at,
    assigned_to,
    spam as is_spam,
    inbox_id,
    associated_contact_id as contact_id,
    {{ field('thread_associations', 'associatedTicketId') }} as ticket_id,
    archived as is_archived,
    _sdc_extracted_at as read_at
from source
where not exists (select 1 from deleted where deleted.thread_id = source.id)
