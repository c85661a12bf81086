select
    read_at as _fivetran_synced,
    coalesce(is_archived, false) as _fivetran_deleted,
    channel_account_id as id,
    channel_id,
    inbox_id,
    is_active as active,
    is_authorized as authorized,
    created_at,
    name,
    delivery_identifier_type,
    delivery_identifier_value
from {{ ref('stg_channel_accounts') }}
