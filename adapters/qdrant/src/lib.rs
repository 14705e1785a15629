//! Qdrant behind the Portolan port.
