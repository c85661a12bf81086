select
    read_at as _fivetran_synced,
    actor_id as id,
    avatar,
    email,
    name,
    type
from {{ ref('stg_actors') }}
