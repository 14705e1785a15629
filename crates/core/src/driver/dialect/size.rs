//! How large a native filter is: databases limit that in different ways.

/// The size of a native filter, or the largest that a database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Conditions.
    pub leaves: usize,
    /// Values that they compare with.
    pub operands: usize,
    /// How deep they are nested; 1 for a single one.
    pub levels: usize,
}

impl Size {
    /// Of one condition.
    pub fn of_leaf(operands: usize) -> Self {
        Self { leaves: 1, operands, levels: 1 }
    }

    /// Of filters of these sizes under one operator.
    pub fn joined(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut size = parts.into_iter().fold(Self::default(), |all, part| Self {
            leaves: all.leaves + part.leaves,
            operands: all.operands + part.operands,
            levels: all.levels.max(part.levels),
        });
        size.levels += 1;
        size
    }

    /// Whether a database takes a filter of this size.
    pub fn is_within(&self, most: &Self) -> bool {
        self.leaves <= most.leaves && self.operands <= most.operands && self.levels <= most.levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_and_operands_add_up_and_levels_are_the_deepest() {
        let deep = Size::joined([Size::of_leaf(3), Size::of_leaf(1)]);
        let size = Size::joined([Size::of_leaf(2), deep]);
        assert_eq!(size, Size { leaves: 3, operands: 6, levels: 3 });
        assert!(size.is_within(&size));
        for most in [Size { leaves: 2, ..size }, Size { operands: 5, ..size }, Size { levels: 2, ..size }] {
            assert!(!size.is_within(&most), "{most:?}");
        }
    }
}
