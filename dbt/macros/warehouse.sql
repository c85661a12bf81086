{# What PostgreSQL and Snowflake must be told in different words. All else is the same for both. #}

{# A column of a loaded table: "createdAt" in PostgreSQL, created_at in Snowflake (normalise_casing). #}
{% macro col(name) %}{{ adapter.dispatch('col')(name) }}{% endmacro %}

{% macro default__col(name) %}"{{ name }}"{% endmacro %}

{% macro snowflake__col(name) %}{{ modules.re.sub('([A-Z])', '_\\1', name) | lower }}{% endmacro %}


{# A field of an object as text; several names lead further in. #}
{% macro field(column) %}{{ adapter.dispatch('field')(column, varargs) }}{% endmacro %}

{% macro default__field(column, names) %}({{ column }} #>> '{ {{- names | join(',') -}} }'){% endmacro %}

{% macro snowflake__field(column, names) %}{{ column }}:{{ names | join('.') }}::varchar{% endmacro %}


{# A select that gives each element of an array a row: all columns of its row, `item`, and its `place` from 1. #}
{% macro each(rows, column) %}{{ adapter.dispatch('each')(rows, column) }}{% endmacro %}

{% macro default__each(rows, column) -%}
select {{ rows }}.*, items.item, items.place
    from {{ rows }}
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof({{ rows }}.{{ column }}) = 'array' then {{ rows }}.{{ column }} end
    ) with ordinality as items (item, place)
{%- endmacro %}

{% macro snowflake__each(rows, column) -%}
select {{ rows }}.*, items.value as item, items.index + 1 as place
    from {{ rows }}, lateral flatten(input => {{ rows }}.{{ column }}) as items
{%- endmacro %}


{# The day on which a moment (UTC) falls in the account's time zone. #}
{% macro local_day(moment) %}{{ adapter.dispatch('local_day')(moment, var('time_zone')) }}{% endmacro %}

{% macro default__local_day(moment, zone) -%}
cast({{ moment }} at time zone 'UTC' at time zone '{{ zone }}' as date)
{%- endmacro %}

{% macro snowflake__local_day(moment, zone) -%}
cast(convert_timezone('UTC', '{{ zone }}', {{ moment }}) as date)
{%- endmacro %}


{# Seconds from one moment to another, with milliseconds. #}
{% macro seconds_between(begins, ends) -%}
cast({{ dbt.datediff(begins, ends, 'millisecond') }} / 1000.0 as double precision)
{%- endmacro %}
