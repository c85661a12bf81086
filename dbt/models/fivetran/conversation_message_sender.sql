{{ message_party('sender') }}
