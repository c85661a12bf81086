with source as (
    {{ loaded('channels') }}
)

select
    {{ col('id') }} as channel_id,
    {{ col('name') }} as name,
    {{ col('_sdc_extracted_at') }} as read_at
from source
