{# A message's text; if it has no words, the words of its rich text, without tags and entities. #}
{% macro text_or_plain(text, rich_text) -%}
{%- set plain = namespace(sql="") -%}
{%- set plain.sql = replace_all(rich_text, '<[^>]*>', ' ') -%}
{%- for entity, by in [('nbsp', ' '), ('lt', '<'), ('gt', '>'), ('quot', '"'), ('#39', "''"), ('#x27', "''"), ('amp', '&')] -%}
{%- set plain.sql = "replace(" ~ plain.sql ~ ", '&" ~ entity ~ ";', '" ~ by ~ "')" -%}
{%- endfor -%}
case
        when trim({{ text }}) <> '' then {{ text }}
        else coalesce(nullif(trim({{ replace_all(plain.sql, '[[:space:]]+', ' ') }}), ''), {{ text }})
    end
{%- endmacro %}
