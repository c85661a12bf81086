-- Removes threads that the tap reported as deleted from the loaded tables, with their messages, and then
-- the actors that no row names any more. It may run again at any time; run it between two syncs.
-- A thread that was read again after the report stays. Leave out the tables that you do not load.
begin;

delete from hubspot.threads as t
using hubspot.deleted_threads as d
where t.id = d.id and t._sdc_extracted_at <= d._sdc_extracted_at;

delete from hubspot.messages as m
using hubspot.deleted_threads as d
where m.conversationsthreadid = d.id
    and not exists (select 1 from hubspot.threads as t where t.id = d.id);

with named as (
    select assignedto as id from hubspot.threads
    union
    select createdby from hubspot.messages
    union
    select assignedto from hubspot.messages
    union
    select assignedfrom from hubspot.messages
    union
    select unnest(json_extract_string(senders, '$[*].actorId')) from hubspot.messages
    union
    select unnest(json_extract_string(recipients, '$[*].actorId')) from hubspot.messages
)

delete from hubspot.actors as a
where not exists (select 1 from named where named.id = a.id);

commit;
