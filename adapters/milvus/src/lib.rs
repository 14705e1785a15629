//! Milvus and Milvus Lite behind the Portolan port.
