with source as (
    {{ loaded('actors') }}
)

select
    id as actor_id,
    type,
    name,
    email,
    avatar,
    _sdc_extracted_at as read_at
from source
