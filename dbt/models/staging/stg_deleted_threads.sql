-- Threads reported as deleted, without those that were read again later.
with reported as (
    {{ loaded('deleted_threads') }}
),

read as (
    {{ loaded('threads') }}
)

select
    reported.id as thread_id,
    reported.detected_at
from reported
where not exists (
    select 1
    from read
    where read.id = reported.id
        and read._sdc_extracted_at > reported._sdc_extracted_at
)
