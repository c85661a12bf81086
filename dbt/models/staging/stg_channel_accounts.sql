with source as (
    {{ loaded('channel_accounts') }}
)

select
    {{ col('id') }} as channel_account_id,
    {{ col('channelId') }} as channel_id,
    {{ col('inboxId') }} as inbox_id,
    {{ col('name') }} as name,
    {{ col('active') }} as is_active,
    {{ col('authorized') }} as is_authorized,
    {{ field(col('deliveryIdentifier'), 'type') }} as delivery_identifier_type,
    {{ field(col('deliveryIdentifier'), 'value') }} as delivery_identifier_value,
    {{ col('createdAt') }} as created_at,
    {{ col('archived') }} as is_archived,
    {{ col('_sdc_extracted_at') }} as read_at
from source
