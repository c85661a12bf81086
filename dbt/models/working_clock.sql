-- depends_on: {{ ref('holidays') }}
{% if var('working_hours') is none -%}
select
    cast(null as date) as day,
    cast(null as timestamp) as begins_at,
    cast(null as timestamp) as ends_at,
    cast(null as timestamp) as next_begins_at,
    cast(null as bigint) as worked_before
limit 0
{% else -%}
{% set zone = var('working_hours')['time_zone'] -%}
with hours as (
    {{ working_periods() }}
),

numbers as (
    {{ dbt.generate_series(9500) }}
),

-- From Monday, 29 December 2014, to the end of 2040.
days as (
    select
        mod(cast(generated_number as integer) - 1, 7) as weekday,
        {{ dbt.dateadd('day', 'cast(generated_number as integer)', "cast('2014-12-28' as timestamp)") }} as midnight
    from numbers
),

local_periods as (
    select
        {{ dbt.dateadd('minute', 'hours.begins_minute', 'days.midnight') }} as begins_local,
        {{ dbt.dateadd('minute', 'hours.ends_minute', 'days.midnight') }} as ends_local
    from days
    inner join hours on hours.weekday = days.weekday
    left join {{ ref('holidays') }} as holidays on holidays.day = cast(days.midnight as date)
    where holidays.day is null
),

periods as (
    select
        {{ from_zone('begins_local', zone) }} as begins_at,
        {{ from_zone('ends_local', zone) }} as ends_at
    from local_periods
),

-- A period is cut at midnight UTC, so that a moment's day (UTC) leads to its piece.
places as (
    select 0 as place union all select 1 union all select 2
),

midnights as (
    select
        periods.*,
        {{ dbt.dateadd('day', 'places.place', "date_trunc('day', periods.begins_at)") }} as midnight
    from periods
    cross join places
),

pieces as (
    select
        greatest(begins_at, midnight) as begins_at,
        least(ends_at, {{ dbt.dateadd('day', 1, 'midnight') }}) as ends_at
    from midnights
    where midnight < ends_at and begins_at < ends_at
    union all
    select midnight as begins_at, midnight as ends_at
    from days
)

select
    cast(begins_at as date) as day,
    begins_at,
    ends_at,
    lead(begins_at) over (order by begins_at, ends_at) as next_begins_at,
    cast(
        coalesce(
            sum({{ dbt.datediff('begins_at', 'ends_at', 'millisecond') }}) over (
                order by begins_at, ends_at rows between unbounded preceding and 1 preceding
            ),
            0
        ) as bigint
    ) as worked_before
from pieces
{% endif %}
