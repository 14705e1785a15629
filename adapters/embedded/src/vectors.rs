//! The vectors of an index in memory, contiguous for the scan.

use std::sync::Arc;

use portolan_core::arithmetic;
use portolan_store::{Components, Derived, Snapshot, StoreError};
use roaring::RoaringBitmap;

/// About how many components lie in one chunk: 256 KiB.
const CHUNK_COMPONENTS: usize = 1 << 16;

/// All vectors by row, in chunks: growth copies none of them, and a reader keeps the chunks of its own commit while a
/// later one replaces a few.
#[derive(Debug, Clone)]
pub(crate) struct Vectors {
    dimension: usize,
    /// Rows of a chunk are a power of two, of which this is the exponent.
    shift: u32,
    chunks: Vec<Arc<Chunk>>,
    rows: RoaringBitmap,
    /// The rows of which nobody can tell the vector.
    damaged: RoaringBitmap,
}

#[derive(Debug, Clone)]
struct Chunk {
    components: Box<[f32]>,
    /// The square of each vector's norm.
    squares: Box<[f64]>,
}

impl Vectors {
    /// The rows that have a vector.
    pub(crate) fn rows(&self) -> &RoaringBitmap {
        &self.rows
    }

    /// The rows whose vectors are damaged, so that nobody can tell how near they are.
    pub(crate) fn damaged(&self) -> &RoaringBitmap {
        &self.damaged
    }

    /// The vector of a row that has one, and the square of its norm.
    pub(crate) fn get(&self, row: u32) -> (&[f32], f64) {
        let (chunk, at) = self.place(row);
        let chunk = &self.chunks[chunk];
        (&chunk.components[at * self.dimension..(at + 1) * self.dimension], chunk.squares[at])
    }

    fn new(dimension: usize) -> Self {
        let shift = (CHUNK_COMPONENTS / dimension.max(1)).max(16).ilog2();
        Self { dimension, shift, chunks: Vec::new(), rows: RoaringBitmap::new(), damaged: RoaringBitmap::new() }
    }

    fn place(&self, row: u32) -> (usize, usize) {
        ((row >> self.shift) as usize, (row & ((1 << self.shift) - 1)) as usize)
    }

    fn set(&mut self, row: u32, vector: Option<Components<'_>>) {
        match vector {
            Some(components) => self.put(row, |place| components.copy_to(place)),
            None => drop(self.rows.remove(row)),
        }
    }

    /// Puts a vector, which `write` writes to its place.
    fn put(&mut self, row: u32, write: impl FnOnce(&mut [f32])) {
        let (chunk, at) = self.place(row);
        let rows = 1 << self.shift;
        while self.chunks.len() <= chunk {
            let components = vec![0.0; rows * self.dimension].into();
            self.chunks.push(Arc::new(Chunk { components, squares: vec![0.0; rows].into() }));
        }
        let chunk = Arc::make_mut(&mut self.chunks[chunk]);
        let vector = &mut chunk.components[at * self.dimension..(at + 1) * self.dimension];
        write(vector);
        chunk.squares[at] = arithmetic::squared_norm(vector);
        self.rows.insert(row);
    }
}

#[cfg(test)]
impl Vectors {
    /// These vectors, by their positions.
    pub(crate) fn of(dimension: usize, vectors: &[Vec<f32>]) -> Self {
        let mut all = Self::new(dimension);
        (0..).zip(vectors).for_each(|(row, vector)| all.put(row, |place| place.copy_from_slice(vector)));
        all
    }
}

impl Derived for Vectors {
    fn build(snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        let mut vectors = Self::new(snapshot.spec().dimension);
        let mut is_damaged = false;
        snapshot.records()?.each_vector(|row, components| match components {
            Some(_) => vectors.set(row, components),
            None => is_damaged = true,
        })?;
        if is_damaged || vectors.rows.len() != snapshot.vector_count()? {
            // The number of a damaged row may be wrong itself: it is one of those without a sound vector.
            vectors.damaged = snapshot.rows()? - &vectors.rows;
        }
        Ok(vectors)
    }

    fn catch_up(&mut self, snapshot: &Snapshot<'_>, rows: &RoaringBitmap) -> Result<(), StoreError> {
        let records = snapshot.records()?;
        for row in rows {
            self.damaged.remove(row);
            match records.with_vector(row, |vector| self.set(row, vector)) {
                Err(e) if e.is_damage() => {
                    self.rows.remove(row);
                    self.damaged.insert(row);
                }
                read => read?,
            }
        }
        Ok(())
    }

    fn memory_bytes(&self) -> u64 {
        let chunk = (1_u64 << self.shift) * (self.dimension as u64 * 4 + 8);
        self.chunks.len() as u64 * chunk + self.rows.serialized_size() as u64
    }
}
