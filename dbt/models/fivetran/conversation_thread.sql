select
    read_at as _fivetran_synced,
    coalesce(is_archived, false) as _fivetran_deleted,
    thread_id as id,
    inbox_id,
    {{ integer_id('contact_id') }} as associated_contact_id,
    {{ integer_id('ticket_id') }} as associated_ticket_id,
    channel_account_id as original_channel_account_id,
    channel_id as original_channel_id,
    assigned_to,
    closed_at,
    created_at,
    latest_message_received_at as latest_message_received_timestamp,
    latest_message_sent_at as latest_message_sent_timestamp,
    latest_message_at as latest_message_timestamp,
    case when is_spam then 'true' when not is_spam then 'false' end as spam,
    status
from {{ ref('stg_threads') }}
