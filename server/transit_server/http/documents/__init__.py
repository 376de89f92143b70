"""What OpenAPI and its pages say of the routes; the routes themselves are beside this room."""
