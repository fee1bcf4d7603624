//! The Merkle tree over the leaves of a digest, hashed as RFC 6962 has it: a leaf and a node never give the same hash.

use sha2::{Digest as _, Sha256};

use crate::commit::Hash;

/// The hash of a leaf: `SHA-256(0x00 ‖ bytes)`.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Hash::from_bytes(Sha256::new().chain_update([0]).chain_update(bytes).finalize().into())
}

/// The hash over two subtrees: `SHA-256(0x01 ‖ left ‖ right)`.
fn node(left: &Hash, right: &Hash) -> Hash {
    let node = Sha256::new().chain_update([1]).chain_update(left.as_bytes()).chain_update(right.as_bytes());
    Hash::from_bytes(node.finalize().into())
}

/// A tree to which leaves are added one after another. It holds one hash for each complete subtree: as many as the number
/// of leaves has ones in binary.
#[derive(Clone, Debug, Default)]
pub struct MerkleTree {
    leaves: u64,
    complete: Vec<Hash>,
}

impl MerkleTree {
    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        // Two complete subtrees of the same size are one of the next size.
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.complete.pop() {
                subtree = node(&left, &subtree);
            }
        }
        self.complete.push(subtree);
        self.leaves += 1;
    }

    /// How many leaves it has.
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    /// The root: that of no leaf at all is the SHA-256 of nothing.
    pub fn root(&self) -> Hash {
        let from_the_right = self.complete.iter().rev().copied();
        from_the_right
            .reduce(|right, left| node(&left, &right))
            .unwrap_or_else(|| Hash::from_bytes(Sha256::digest([]).into()))
    }
}

impl FromIterator<Hash> for MerkleTree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::default();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

/// What leads from the leaf at this place up to the root: the hash beside each node on the way, from below. `None` where
/// there is no such leaf.
pub fn inclusion_path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut path, mut rest, mut index) = (Vec::new(), leaves, index);
    // From above, so that the path is turned over in the end.
    while rest.len() > 1 {
        let (left, right) = rest.split_at(rest.len().next_power_of_two() / 2);
        let (with_leaf, beside) = if index < left.len() { (left, right) } else { (right, left) };
        if index >= left.len() {
            index -= left.len();
        }
        path.push(beside.iter().copied().collect::<MerkleTree>().root());
        rest = with_leaf;
    }
    path.reverse();
    Some(path)
}

/// The root that follows from a leaf, its place, how many leaves there are, and its path (RFC 9162 §2.1.3.2). `None` where
/// the path is not one of such a place.
pub fn root_of_path(leaf: Hash, index: u64, leaves: u64, path: &[Hash]) -> Option<Hash> {
    if index >= leaves {
        return None;
    }
    let (mut at, mut last, mut root) = (index, leaves - 1, leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node(beside, &root);
            // On the right edge a node without a sibling goes up as it is.
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            root = node(&root, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree of RFC 6962 §2.1 as its definition has it, without any cleverness.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::from_bytes(Sha256::digest([]).into()),
            [leaf] => *leaf,
            more => {
                let mut half = 1;
                while half * 2 < more.len() {
                    half *= 2;
                }
                node(&by_definition(&more[..half]), &by_definition(&more[half..]))
            }
        }
    }

    fn leaves(count: u8) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&[number])).collect()
    }

    #[test]
    fn the_root_is_that_of_the_definition_for_every_size() {
        for count in 0..70 {
            let leaves = leaves(count);
            assert_eq!(leaves.iter().copied().collect::<MerkleTree>().root(), by_definition(&leaves), "{count} leaves");
        }
    }

    #[test]
    fn the_roots_of_the_certificate_transparency_test_vectors() {
        // Published with the reference implementation of RFC 6962: the leaves "", 00, 10.
        let leaves: Vec<Hash> = [&[][..], &[0x00], &[0x10]].map(leaf_hash).into();
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ];
        for (count, root) in roots.into_iter().enumerate() {
            let tree: MerkleTree = leaves[..count].iter().copied().collect();
            assert_eq!(tree.root().to_string(), root, "{count} leaves");
        }
    }

    #[test]
    fn every_leaf_has_a_path_to_the_root_and_to_no_other_place() {
        for count in 1..40_u8 {
            let leaves = leaves(count);
            let root = by_definition(&leaves);
            for index in 0..leaves.len() {
                let path = inclusion_path(&leaves, index).unwrap();
                for place in 0..leaves.len() {
                    let led_to = root_of_path(leaves[index], place as u64, u64::from(count), &path);
                    assert_eq!(led_to == Some(root), place == index, "leaf {index} of {count} at {place}");
                }
                assert_ne!(root_of_path(leaf_hash(b"another"), index as u64, u64::from(count), &path), Some(root));
            }
            assert_eq!(inclusion_path(&leaves, leaves.len()), None);
            assert_eq!(root_of_path(leaves[0], u64::from(count), u64::from(count), &[]), None);
        }
    }
}
