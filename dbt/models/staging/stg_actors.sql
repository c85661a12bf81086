with source as (
    {{ loaded('actors') }}
)

select
    {{ col('id') }} as actor_id,
    {{ col('type') }} as type,
    {{ col('name') }} as name,
    {{ col('email') }} as email,
    {{ col('avatar') }} as avatar,
    {{ col('_sdc_extracted_at') }} as read_at
from source
