-- Threads told deleted. One that was read again later is back, and not in here.
with told as (
    {{ loaded('deleted_threads') }}
),

read as (
    {{ loaded('threads') }}
)

select
    told.{{ col('id') }} as thread_id,
    told.{{ col('detectedAt') }} as detected_at
from told
where not exists (
    select 1
    from read
    where read.{{ col('id') }} = told.{{ col('id') }}
        and read.{{ col('_sdc_extracted_at') }} > told.{{ col('_sdc_extracted_at') }}
)
