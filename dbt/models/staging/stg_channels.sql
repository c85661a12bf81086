with source as (
    {{ loaded('channels') }}
)

select
    id as channel_id,
    name,
    _sdc_extracted_at as read_at
from source
