//! Chroma behind the Portolan port.
