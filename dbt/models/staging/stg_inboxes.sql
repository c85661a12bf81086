with source as (
    {{ loaded('inboxes') }}
)

select
    id as inbox_id,
    name,
    type,
    created_at,
    updated_at,
    archived as is_archived,
    _sdc_extracted_at as read_at
from source
