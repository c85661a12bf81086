select conversation_id
from {{ ref('conversations') }}
where first_response_seconds < 0 or first_person_response_seconds < first_response_seconds
