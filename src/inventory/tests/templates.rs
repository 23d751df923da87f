//! The files that quorate writes are sound, and say everything that can be said.

use super::*;
use crate::inventory::template::{
    Demo, DemoLun, DiscoveredLun, DiscoveredTarget, blank, demo, from_discovery,
};
use proptest::prelude::*;

fn sound(text: &str) -> Inventory {
    read(text).unwrap_or_else(|problems| panic!("{}\n{text}", problems.render(Look::Plain { width: 100 })))
}

/// The template with its examples switched on.
pub fn with_examples(text: &str) -> String {
    let example = Regex::new(r#"(?m)^#(\[|[a-z_."/-]+ *=)"#).expect("sound");
    example.replace_all(text, "$1").into_owned()
}

#[test]
fn the_template_is_sound_with_and_without_its_examples() {
    assert!(blank().starts_with("#:schema "));
    let inventory = sound(&blank());
    assert_eq!(inventory.nodes[0].probe, ProbeMethod::Local);
    assert!(inventory.targets.is_empty() && inventory.witness.is_none());
    let inventory = sound(&with_examples(&blank()));
    assert_eq!((inventory.nodes.len(), inventory.networks.len(), inventory.targets.len()), (2, 2, 1));
    assert!(inventory.witness.is_some() && inventory.targets[0].chap.is_some());
    assert_eq!((inventory.waivers.len(), inventory.attestations.len()), (1, 1));
}

#[test]
fn the_template_has_an_example_of_every_key() {
    fn keys(schema: &serde_json::Value, out: &mut Vec<String>) {
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            out.push(name.clone());
            // These have all the names of facts; the template shows some, and where to look.
            if !["declare", "vm", "host", "volume", "group", "placement"].contains(&name.as_str()) {
                keys(below, out);
                keys(&below["items"], out);
            }
        }
    }
    let mut all = Vec::new();
    keys(&json_schema(), &mut all);
    assert!(all.len() > 60, "{}", all.len());
    let text = with_examples(&blank());
    // A secret has one source; the example shows two of the four, and names the others in words.
    for key in all.iter().filter(|key| !["command", "prompt", "share", "url", "host"].contains(&key.as_str()))
    {
        let written = [
            format!("\n{key} ="),
            format!("\n[{key}]"),
            format!("\n[[{key}]]"),
            format!(".{key}]"),
            format!("{{ {key} ="),
        ];
        assert!(written.iter().any(|written| text.contains(written)), "no example of `{key}`");
    }
}

#[test]
fn what_discovery_found_is_written_and_read_back() {
    let lun = |number, identity: &str, size| DiscoveredLun {
        number,
        identity: Some(identity.to_owned()),
        size_bytes: Some(size),
        model: Some("IET VIRTUAL-DISK".to_owned()),
    };
    let text = from_discovery(&[
        DiscoveredTarget {
            name: "iqn.2001-05.com.example:storage".into(),
            portals: vec!["10.0.1.10:3260".into(), "[fd00::1]:3260".into(), "10.0.1.10:3260".into()],
            luns: vec![lun(0, "t10.IET_00010000", 1 << 30), lun(1, "naa.5000c500a1b2c3d4", 1_000_000)],
        },
        DiscoveredTarget {
            name: "iqn.2001-05.com.example:closed".into(),
            portals: vec!["10.0.1.10:3260".into()],
            luns: vec![],
        },
    ]);
    insta::assert_snapshot!(
        text[text.find("# The iSCSI targets").expect("there")..text.find("# What gives").expect("there")]
    );
    let inventory = sound(&text);
    assert_eq!((inventory.targets.len(), inventory.targets[0].luns.len()), (2, 2));
    sound(&from_discovery(&[]));
}

#[test]
fn the_demonstration_is_sound() {
    let mut plan = Demo {
        local: "this-machine".into(),
        recorded: vec![
            ("hv2".into(), "recorded/hv2.json".into()),
            ("hv3".into(), "recorded/hv3.json".into()),
        ],
        networks: vec![(
            "cluster".into(),
            NetworkRole::Cluster,
            vec!["10.20.0.0/24".parse().expect("a subnet")],
        )],
        target: "iqn.2026-01.org.quorate.demo:storage".into(),
        portals: vec!["127.0.0.1:3260".into(), "127.0.0.1:3261".into()],
        chap: Some(("demo".into(), "QUORATE_DEMO_SECRET".into())),
        luns: vec![
            DemoLun {
                number: 0,
                name: "witness".into(),
                role: LunRole::Witness,
                identity: Some("naa.3000000071756f01".into()),
                size_bytes: Some(1 << 30),
            },
            DemoLun { number: 1, name: "data".into(), role: LunRole::Data, identity: None, size_bytes: None },
        ],
    };
    let text = demo(&plan);
    insta::assert_snapshot!(text);
    assert_eq!(sound(&text).nodes.len(), 3);
    sound(&with_examples(&text));
    plan.luns.remove(0);
    assert_eq!(sound(&demo(&plan)).witness.map(|witness| witness.at), Some(WitnessPlace::None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_hostile_target_cannot_spoil_the_file(
        name in prop_oneof!["\\PC*", ".*", Just("iqn.2001-05.com.example:x".to_owned())],
        portals in prop::collection::vec(prop_oneof![".*", "[a-z0-9.:-]{1,12}", "10\\.0\\.0\\.[0-9]{1,2}(:[0-9]{1,5})?"], 0..4),
        luns in prop::collection::vec((any::<u16>(), prop::option::of(prop_oneof![".*", "naa\\.5[0-9a-f]{15}", "t10\\.\\PC*"]), prop::option::of(any::<u64>()), prop::option::of(".*")), 0..4),
    ) {
        let luns = luns.into_iter().map(|(number, identity, size_bytes, model)| DiscoveredLun { number: number.into(), identity, size_bytes, model });
        let target = DiscoveredTarget { name, portals, luns: luns.collect() };
        sound(&from_discovery(&[target]));
    }
}
