-- Removes the threads that the tap reported as deleted, their messages, and the actors that no other
-- row names. Run it between two syncs; it can run repeatedly. A thread that was read again after it
-- was reported stays. Remove the statements for tables that you do not load.
begin;

delete from hubspot.threads
using hubspot.deleted_threads as d
where threads.id = d.id and threads._sdc_extracted_at <= d._sdc_extracted_at;

delete from hubspot.messages
where conversations_thread_id in (select id from hubspot.deleted_threads)
    and conversations_thread_id not in (select id from hubspot.threads);

delete from hubspot.actors
where id not in (
    select assigned_to from hubspot.threads where assigned_to is not null
    union
    select created_by from hubspot.messages where created_by is not null
    union
    select assigned_to from hubspot.messages where assigned_to is not null
    union
    select assigned_from from hubspot.messages where assigned_from is not null
    union
    select party.value:actorId::varchar
    from hubspot.messages, lateral flatten(input => senders) as party
    where party.value:actorId::varchar is not null
    union
    select party.value:actorId::varchar
    from hubspot.messages, lateral flatten(input => recipients) as party
    where party.value:actorId::varchar is not null
);

commit;
