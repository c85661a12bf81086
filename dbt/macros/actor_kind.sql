{# What an actor is: by the first letter of its ID, else by the type that the actor has in HubSpot. #}
{% macro actor_kind(id, type) -%}
case
        when {{ id }} like 'A-%' then 'agent'
        when {{ id }} like 'V-%' then 'visitor'
        when {{ id }} like 'B-%' then 'bot'
        when {{ id }} like 'L-%' then 'ai'
        when {{ id }} like 'E-%' then 'email'
        when {{ id }} like 'I-%' then 'integration'
        when {{ id }} like 'S-%' then 'system'
        when {{ type }} = 'AGENT' then 'agent'
        when {{ type }} = 'VISITOR' then 'visitor'
        when {{ type }} = 'BOT' then 'bot'
        when {{ type }} = 'LLM' then 'ai'
        when {{ type }} = 'EMAIL' then 'email'
        when {{ type }} = 'INTEGRATOR' then 'integration'
        when {{ type }} = 'SYSTEM' then 'system'
    end
{%- endmacro %}
