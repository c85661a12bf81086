-- Removes the threads that the tap reported as deleted, their messages, and the actors that no other
-- row names. Run it between two syncs; it can run repeatedly. A thread that was read again after it
-- was reported stays. Remove the statements for tables that you do not load.
begin;

delete from hubspot.threads as t
using hubspot.deleted_threads as d
where t.id = d.id and t._sdc_extracted_at <= d._sdc_extracted_at;

delete from hubspot.messages as m
using hubspot.deleted_threads as d
where m."conversationsThreadId" = d.id
    and not exists (select 1 from hubspot.threads as t where t.id = d.id);

with named as (
    select "assignedTo" as id from hubspot.threads
    union
    select "createdBy" from hubspot.messages
    union
    select "assignedTo" from hubspot.messages
    union
    select "assignedFrom" from hubspot.messages
    union
    select party ->> 'actorId'
    from hubspot.messages
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(senders) = 'array' then senders end -- a JSON null is no SQL null
    ) as party
    union
    select party ->> 'actorId'
    from hubspot.messages
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(recipients) = 'array' then recipients end -- a JSON null is no SQL null
    ) as party
)

delete from hubspot.actors as a
where not exists (select 1 from named where named.id = a.id);

commit;
