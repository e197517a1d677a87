"""The material transfer agreement as code: terms, signatures, and the engine that says what may leave."""
