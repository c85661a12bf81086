{#
    The rows of a loaded table: none where it does not exist, and null in each column that it
    lacks, because its stream or the column is not selected. What it should have is in sources.yml.
#}
{% macro loaded(table) -%}
{%- set node = (graph.sources.values() if execute else []) | selectattr('name', 'equalto', table) | first -%}
{%- set relation = adapter.get_relation(target.database, var('hubspot_schema'), table) if execute -%}
{%- set there = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if relation else [] -%}
select
    {% if there %}*{% endif %}
    {%- for column in (node.columns.values() if node else []) %}
        {%- set name = col(column.name) %}
        {%- if name | replace('"', '') not in there and name | upper not in there %}
            {%- if there or not loop.first %},{% endif %}
    cast(null as {{ 'variant' if column.data_type == 'json' and target.type == 'snowflake' else 'jsonb' if column.data_type == 'json' else column.data_type }}) as {{ name }}
        {%- endif %}
    {%- endfor %}
{% if there %}from {{ source('hubspot', table) }}{% else %}limit 0{% endif %}
{%- endmacro %}
