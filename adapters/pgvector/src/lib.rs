//! PostgreSQL with pgvector behind the Portolan port.
