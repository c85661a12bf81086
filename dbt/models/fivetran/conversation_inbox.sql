select
    read_at as _fivetran_synced,
    coalesce(is_archived, false) as _fivetran_deleted,
    inbox_id as id,
    not coalesce(is_archived, false) as active,
    created_at,
    name,
    type,
    updated_at
from {{ ref('stg_inboxes') }}
