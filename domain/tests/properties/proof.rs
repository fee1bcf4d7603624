//! The Merkle tree of digests for any leaves, and the canonical form for any number that an event can have.

use muster_domain::Hash;
use muster_domain::proof::canonical::{canonical, sha256};
use muster_domain::proof::merkle::{MerkleTree, inclusion_path, leaf_hash, root_of_path};
use muster_domain::values::Position;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

fn root(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<MerkleTree>().root()
}

fn leaves() -> impl Strategy<Value = Vec<Hash>> {
    vec(any::<[u8; 4]>().prop_map(|bytes| leaf_hash(&bytes)), 1..200)
}

proptest! {
    #[test]
    fn each_leaf_leads_to_the_root_and_no_other_leaf_in_its_place_does(
        leaves in leaves(), at in any::<prop::sample::Index>(), other in any::<[u8; 5]>(),
    ) {
        let (index, count) = (at.index(leaves.len()), leaves.len() as u64);
        let path = inclusion_path(&leaves, index).expect("a path");
        prop_assert_eq!(root_of_path(leaves[index], index as u64, count, &path), Some(root(&leaves)));
        prop_assert!(path.len() <= 8, "as long as the tree is high");
        prop_assert_ne!(root_of_path(leaf_hash(&other), index as u64, count, &path), Some(root(&leaves)));
    }

    #[test]
    fn a_path_that_was_changed_cut_or_made_longer_leads_elsewhere(
        leaves in leaves(), at in any::<prop::sample::Index>(), which in any::<prop::sample::Index>(),
    ) {
        let (index, count) = (at.index(leaves.len()), leaves.len() as u64);
        let path = inclusion_path(&leaves, index).expect("a path");
        let leads = |path: &[Hash]| root_of_path(leaves[index], index as u64, count, path) == Some(root(&leaves));
        if !path.is_empty() {
            let mut changed = path.clone();
            let place = which.index(path.len());
            changed[place] = sha256(changed[place].as_bytes());
            prop_assert!(!leads(&changed));
            prop_assert!(!leads(&path[1..]));
        }
        prop_assert!(!leads(&[&path[..], &[root(&leaves)]].concat()));
    }

    #[test]
    fn leaves_in_another_order_or_number_give_another_root(leaves in leaves(), at in any::<prop::sample::Index>()) {
        let mut turned = leaves.clone();
        turned.rotate_left(1);
        prop_assert_eq!(root(&turned) == root(&leaves), turned == leaves);
        let mut fewer = leaves.clone();
        fewer.remove(at.index(leaves.len()));
        prop_assert_ne!(root(&fewer), root(&leaves));
        prop_assert_ne!(root(&[&leaves[..], &[leaves[0]]].concat()), root(&leaves));
    }

    #[test]
    fn a_position_is_canonical_again_after_it_was_read(latitude in -90.0..=90.0_f64, longitude in -180.0..=180.0_f64) {
        let position = Position::new(latitude, longitude).expect("a position");
        let text = canonical(&position).expect("canonical JSON");
        let read: Value = serde_json::from_slice(&text).expect("JSON");
        prop_assert_eq!(canonical(&read).expect("canonical JSON"), text);
    }
}
