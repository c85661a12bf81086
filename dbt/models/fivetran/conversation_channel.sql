select
    read_at as _fivetran_synced,
    false as _fivetran_deleted,
    channel_id as id,
    name
from {{ ref('stg_channels') }}
