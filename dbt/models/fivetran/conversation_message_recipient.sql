{{ message_party('recipient') }}
