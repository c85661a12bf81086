{# Each place in the lists of senders, or of recipients, of messages. #}
{% macro message_party(role) -%}
select
    read_at as _fivetran_synced,
    party_id as _fivetran_id,
    actor_id,
    message_id,
    thread_id,
    name,
    address_field as {{ role }}_field,
    delivery_identifier_type,
    delivery_identifier_value
from {{ ref('stg_message_parties') }}
where role = '{{ role }}'
{%- endmacro %}
