{# SQL that differs between PostgreSQL, DuckDB and Snowflake. All other SQL is the same for all three. #}

{# The type of a column that holds objects or lists. #}
{% macro type_json() %}{{ return(adapter.dispatch('type_json')()) }}{% endmacro %}

{% macro default__type_json() %}{{ return('jsonb') }}{% endmacro %}

{% macro duckdb__type_json() %}{{ return('json') }}{% endmacro %}

{% macro snowflake__type_json() %}{{ return('variant') }}{% endmacro %}


{# A time with a zone as a time in UTC without one. #}
{% macro in_utc(moment) %}{{ adapter.dispatch('in_utc')(moment) }}{% endmacro %}

{% macro default__in_utc(moment) %}({{ moment }} at time zone 'UTC'){% endmacro %}

{% macro snowflake__in_utc(moment) %}cast(convert_timezone('UTC', {{ moment }}) as timestamp_ntz){% endmacro %}


{# A field of an object as text; several names lead further in, a number to that place of a list. #}
{% macro field(column) %}{{ adapter.dispatch('field')(column, varargs) }}{% endmacro %}

{% macro default__field(column, names) %}({{ column }} #>> '{ {{- names | join(',') -}} }'){% endmacro %}

{% macro duckdb__field(column, names) -%}
json_extract_string({{ column }}, '${% for name in names %}{% if name is number %}[{{ name }}]{% else %}."{{ name }}"{% endif %}{% endfor %}')
{%- endmacro %}

{% macro snowflake__field(column, names) -%}
{{ column }}{% for name in names %}{% if name is number %}[{{ name }}]{% else %}{{ ':' if loop.first else '.' }}{{ name }}{% endif %}{% endfor %}::varchar
{%- endmacro %}


{# Text with each match of a pattern replaced. #}
{% macro replace_all(text, pattern, by) %}{{ adapter.dispatch('replace_all')(text, pattern, by) }}{% endmacro %}

{% macro default__replace_all(text, pattern, by) %}regexp_replace({{ text }}, '{{ pattern }}', '{{ by }}', 'g'){% endmacro %}

{% macro snowflake__replace_all(text, pattern, by) %}regexp_replace({{ text }}, '{{ pattern }}', '{{ by }}'){% endmacro %}


{# A select that gives each element of an array a row: all columns of its row, `item`, and its `place` from 1. #}
{% macro each(rows, column) %}{{ adapter.dispatch('each')(rows, column) }}{% endmacro %}

{% macro default__each(rows, column) -%}
select {{ rows }}.*, items.item, items.place
    from {{ rows }}
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof({{ rows }}.{{ column }}) = 'array' then {{ rows }}.{{ column }} end
    ) with ordinality as items (item, place)
{%- endmacro %}

{% macro duckdb__each(rows, column) -%}
select
        {{ rows }}.*,
        unnest(json_extract({{ rows }}.{{ column }}, '$[*]')) as item,
        generate_subscripts(json_extract({{ rows }}.{{ column }}, '$[*]'), 1) as place
    from {{ rows }}
{%- endmacro %}

{% macro snowflake__each(rows, column) -%}
select {{ rows }}.*, items.value as item, items.index + 1 as place
    from {{ rows }}, lateral flatten(input => {{ rows }}.{{ column }}) as items
{%- endmacro %}


{# A moment (UTC) as the clocks of a time zone show it. #}
{% macro to_zone(moment, zone) %}{{ adapter.dispatch('to_zone')(moment, zone) }}{% endmacro %}

{% macro default__to_zone(moment, zone) -%}
(({{ moment }}) at time zone 'UTC' at time zone '{{ zone }}')
{%- endmacro %}

{% macro snowflake__to_zone(moment, zone) -%}
convert_timezone('UTC', '{{ zone }}', {{ moment }})
{%- endmacro %}


{#
    The moment (UTC) at which the clocks of a time zone show a time. A skipped time, as in spring, is read as if
    the clocks had not changed. A time that comes twice, as in fall, is its second occurrence. Both rules are computed
    here, since databases differ in them.
#}
{% macro from_zone(local, zone) -%}
{%- set later = _with_offset_of_day(local, 1, zone) -%}
case
        when {{ to_zone(later, zone) }} = {{ local }} then {{ later }}
        else {{ _with_offset_of_day(local, -1, zone) }}
    end
{%- endmacro %}

{% macro _with_offset_of_day(local, days, zone) -%}
{%- set near = dbt.dateadd('day', days, local) -%}
{{ dbt.dateadd('second', dbt.datediff(to_zone(near, zone), near, 'second'), local) }}
{%- endmacro %}


{# The day on which a moment (UTC) falls in the account's time zone. #}
{% macro local_day(moment) %}cast({{ to_zone(moment, var('time_zone')) }} as date){% endmacro %}


{# Seconds from one moment to another, with milliseconds. #}
{% macro seconds_between(begins, ends) -%}
cast({{ dbt.datediff(begins, ends, 'millisecond') }} / 1000.0 as double precision)
{%- endmacro %}
