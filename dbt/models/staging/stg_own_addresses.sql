-- The account's own addresses and domains: the variable own_domains, else those of the channel accounts.
{% if var('own_domains') is not none -%}
{% for name in var('own_domains') -%}
select cast('{{ name | lower | trim }}' as varchar(400)) as name
{% if not loop.last %}union {% endif -%}
{% else -%}
select cast(null as varchar(400)) as name
limit 0
{% endfor -%}
{% else -%}
with addresses as (
    select lower(delivery_identifier_value) as name
    from {{ ref('stg_channel_accounts') }}
    where delivery_identifier_value is not null
)

select name from addresses
union
select split_part(name, '@', 2) as name
from addresses
where name like '%@%'
    and split_part(name, '@', 2) not in ('{{ var('public_mail_domains') | join("', '") }}')
{% endif %}
