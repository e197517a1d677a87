"""The life of a record under the law: admission, review, restriction, rectification, erasure."""
