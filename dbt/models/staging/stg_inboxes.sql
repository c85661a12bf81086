with source as (
    {{ loaded('inboxes') }}
)

select
    {{ col('id') }} as inbox_id,
    {{ col('name') }} as name,
    {{ col('type') }} as type,
    {{ col('createdAt') }} as created_at,
    {{ col('updatedAt') }} as updated_at,
    {{ col('archived') }} as is_archived,
    {{ col('_sdc_extracted_at') }} as read_at
from source
