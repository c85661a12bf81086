{#
    The rows of a CTE with `seconds` from begins_at to ends_at, and `working_seconds`, the part of them in working
    hours: null if the variable working_hours is not set, or outside the years of `working_clock`.
#}
{% macro measured(rows) -%}
select
    {{ rows }}.*,
    {{ seconds_between(rows ~ '.begins_at', rows ~ '.ends_at') }} as seconds,
    {%- if var('working_hours') is none %}
    cast(null as double precision) as working_seconds
from {{ rows }}
    {%- else %}
    cast(({{ _worked_until(rows ~ '.ends_at', 'ends') }} - {{ _worked_until(rows ~ '.begins_at', 'begins') }}) / 1000.0 as double precision)
        as working_seconds
from {{ rows }}
{{ _join_clock(rows ~ '.begins_at', 'begins') }}
{{ _join_clock(rows ~ '.ends_at', 'ends') }}
    {%- endif %}
{%- endmacro %}

{#
    A row for each key of the CTE `measured`, with the seconds and working seconds of each span as two columns.
#}
{% macro durations(key, spans) -%}
select
        {{ key }}
        {%- for span in spans %},
        sum(case when span = '{{ span }}' then seconds end) as {{ span }}_seconds,
        sum(case when span = '{{ span }}' then working_seconds end) as {{ span }}_working_seconds
        {%- endfor %}
    from measured
    group by {{ key }}
{%- endmacro %}

{% macro _join_clock(moment, name) -%}
left join {{ ref('working_clock') }} as {{ name }}
    on {{ name }}.day = cast({{ moment }} as date)
    and {{ moment }} >= {{ name }}.begins_at
    and {{ moment }} < {{ name }}.next_begins_at
{%- endmacro %}

{% macro _worked_until(moment, name) -%}
({{ name }}.worked_before + {{ dbt.datediff(name ~ '.begins_at', 'least(' ~ moment ~ ', ' ~ name ~ '.ends_at)', 'millisecond') }})
{%- endmacro %}


{# The working hours by the variable, checked: a row for each period of a weekday, in minutes; Monday is 0. #}
{% macro working_periods() -%}
{%- set days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] -%}
{%- set hours = var('working_hours') -%}
{%- set periods = [] -%}
{%- for name in hours if name not in days + ['time_zone'] -%}
    {{ exceptions.raise_compiler_error("working_hours: '" ~ name ~ "' is not a weekday. Use monday to sunday, and time_zone.") }}
{%- endfor -%}
{%- if not hours.get('time_zone') -%}
    {{ exceptions.raise_compiler_error("working_hours has no time_zone. Add its IANA name, such as Europe/Berlin.") }}
{%- endif -%}
{%- for name in days if hours.get(name) -%}
    {%- set earlier = namespace(end=0) -%}
    {%- for period in hours[name].split(',') -%}
        {%- set times = modules.re.match('^ *([0-9]{1,2}):([0-9]{2}) *- *([0-9]{1,2}):([0-9]{2}) *$', period) -%}
        {%- if not times -%}
            {{ exceptions.raise_compiler_error("working_hours: '" ~ period ~ "' on " ~ name ~ " is not a period. Write it as 09:00-17:30.") }}
        {%- endif -%}
        {%- set begins = times[1] | int * 60 + times[2] | int -%}
        {%- set ends = times[3] | int * 60 + times[4] | int -%}
        {%- if begins < earlier.end or ends <= begins or ends > 1440 -%}
            {{ exceptions.raise_compiler_error("working_hours: '" ~ period ~ "' on " ~ name ~ " ends before it begins, ends after 24:00 or overlaps. Write the periods of a day in order.") }}
        {%- endif -%}
        {%- set earlier.end = ends -%}
        {%- do periods.append('select ' ~ loop.index0 ~ ' as place, ' ~ days.index(name) ~ ' as weekday, ' ~ begins ~ ' as begins_minute, ' ~ ends ~ ' as ends_minute') -%}
    {%- endfor -%}
{%- endfor -%}
{%- if not periods -%}
    {{ exceptions.raise_compiler_error("working_hours has no weekday. Add one, such as monday: \"09:00-17:30\".") }}
{%- endif -%}
{{ periods | join(' union all ') }}
{%- endmacro %}
