with source as (
    {{ loaded('channel_accounts') }}
)

select
    id as channel_account_id,
    channel_id,
    inbox_id,
    name,
    active as is_active,
    authorized as is_authorized,
    {{ field('delivery_identifier', 'type') }} as delivery_identifier_type,
    {{ field('delivery_identifier', 'value') }} as delivery_identifier_value,
    created_at,
    archived as is_archived,
    _sdc_extracted_at as read_at
from source
