{#
    The rows of a loaded table, with the columns of sources.yml in snake case, whatever the target's spelling of
    `createdAt` is. Without the table there are no rows. A column that it lacks is null.
#}
{% macro loaded(table) -%}
{%- set sources = graph.sources.values() if execute else [] -%}
{%- set source_node = sources | selectattr('source_name', 'equalto', 'hubspot') | selectattr('name', 'equalto', table) | first -%}
{%- set wanted = source_node.columns.values() if source_node else [] -%}
{%- set relation = adapter.get_relation(target.database, var('hubspot_schema'), table) if execute -%}
{%- set found = {} -%}
{%- for column in (adapter.get_columns_in_relation(relation) if relation else []) -%}
    {%- do found.update({_without_spelling(column.name): column}) -%}
{%- endfor -%}
{%- if execute and model.name == 'stg_' ~ table -%}
    {%- do log(_summary(table, wanted | map(attribute='name') | list, found), info=True) -%}
{%- endif -%}
select
    {%- for column in wanted %}
    {% set there = found.get(_without_spelling(column.name)) -%}
    {%- if not there -%}
    cast(null as {{ type_json() if column.data_type == 'json' else column.data_type }})
    {%- elif column.data_type == 'timestamp' and _has_zone(there.dtype) -%}
    {{ in_utc(adapter.quote(there.name)) }}
    {%- else -%}
    {{ adapter.quote(there.name) }}
    {%- endif %} as {{ _snake(column.name) }}{{ ',' if not loop.last }}
    {%- endfor %}
{% if found %}from {{ source('hubspot', table) }}{% else %}limit 0{% endif %}
{%- endmacro %}

{# What dbt logs of a table: which target's spelling the columns have, and which columns are missing. #}
{% macro _summary(table, wanted, found) -%}
{%- set name = var('hubspot_schema') ~ '.' ~ table -%}
{%- if not found -%}
    {{ return(name ~ ' does not exist: its models are empty or null. To fill them, select the stream in the tap.') }}
{%- endif -%}
{%- set missing = [] -%}
{%- for column in wanted if _without_spelling(column) not in found -%}
    {%- do missing.append(column) -%}
{%- endfor -%}
{%- set spelling = namespace(target='an unknown target') -%}
{%- for column in wanted if column != column | lower and _without_spelling(column) in found -%}
    {%- set spelled = found[_without_spelling(column)].name -%}
    {%- set spelling.target = {
        column: 'target-postgres (MeltanoLabs)',
        column | lower: 'target-duckdb or pipelinewise-target-postgres',
        column | upper: 'target-snowflake without normalise_casing, or pipelinewise-target-snowflake',
        _snake(column): 'dlt',
        _snake(column) | upper: 'target-snowflake with normalise_casing',
    }.get(spelled, 'an unknown target') ~ ' ("' ~ spelled ~ '")' -%}
{%- endfor -%}
{{ return(name ~ ' has the column names of ' ~ spelling.target ~ ('; missing and therefore null: ' ~ missing | join(', ') if missing else '')) }}
{%- endmacro %}

{% macro _without_spelling(name) %}{{ return(name | lower | replace('_', '')) }}{% endmacro %}

{% macro _snake(name) %}{{ return(modules.re.sub('([A-Z])', '_\\1', name) | lower) }}{% endmacro %}

{% macro _has_zone(type) %}{{ return('with time zone' in type | lower or type | upper in ['TIMESTAMPTZ', 'TIMESTAMP_TZ', 'TIMESTAMP_LTZ']) }}{% endmacro %}
