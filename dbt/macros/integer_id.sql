{# An id; with the variable fivetran_integer_ids null where it is no 32-bit integer. #}
{% macro integer_id(column) -%}
{%- if var('fivetran_integer_ids') -%}
case
        when {{ column }} = '' or translate({{ column }}, '0123456789', '') <> '' then null
        when length({{ column }}) < 10 then {{ column }}
        when length({{ column }}) = 10 and {{ column }} <= '2147483647' then {{ column }}
    end
{%- else -%}
{{ column }}
{%- endif -%}
{%- endmacro %}
