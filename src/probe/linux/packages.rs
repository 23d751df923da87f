//! Packages: `dpkg-query -W` and `rpm -qa` for the cluster stack and the kernel (any account); in support bundles
//! `installed-rpms`, `installed-debs` (`dpkg -l`), the columns of `rpm.txt`, and what `sysinfo.txt` lists.

use crate::facts::Package;

/// The packages that are asked for: names, `*` at their end stands for anything.
pub const PATTERNS: &str = "linux-image-* kernel kernel-* corosync* libcorosync* pacemaker* libpacemaker* pcs crmsh sbd \
    resource-agents* fence-agents* cluster-glue* libglue* libqb* libknet* knet* kronosnet* booth* open-iscsi* \
    iscsi-initiator-utils* multipath-tools* device-mapper-multipath* lvm2* dlm* libdlm* drbd* gfs2* ocfs2* targetcli* \
    sg3_utils sg3-utils chrony systemd python3 python3-base pve-manager pve-ha-manager";

/// Whether a package is one of those that are asked for.
fn is_asked_for(name: &str) -> bool {
    PATTERNS.split_whitespace().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    })
}

/// A listing of all packages of a system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names of all that is installed.
    pub names: Vec<String>,
    /// Those that are asked for on a live host.
    pub packages: Vec<Package>,
}

impl Listing {
    /// A listing out of its rows; `None` where there are so few that it cannot be of a whole system.
    fn of(rows: Vec<Package>) -> Option<Self> {
        (rows.len() >= 20).then(|| Listing {
            names: rows.iter().map(|row| row.name.clone()).collect(),
            packages: gather(rows.into_iter().filter(|row| is_asked_for(&row.name)).collect()),
        })
    }
}

/// Reads `installed-rpms` of a sosreport: lines of `NAME-VERSION-RELEASE.ARCHITECTURE`, then the date.
pub fn rpm_list(text: &str) -> Option<Listing> {
    let rows = text.lines().filter_map(|line| {
        let (whole, architecture) = line.split_whitespace().next()?.rsplit_once('.')?;
        let (name, version) = whole.rmatch_indices('-').nth(1).map(|(at, _)| whole.split_at(at))?;
        package(name, &version[1..], architecture)
    });
    Listing::of(rows.collect())
}

/// Reads the columns name, distribution and version of `rpm.txt` in a supportconfig.
pub fn rpm_columns(text: &str) -> Option<Listing> {
    let rows =
        text.lines().skip_while(|line| !(line.starts_with("NAME ") && line.ends_with(" VERSION"))).skip(1);
    let rows = rows.take_while(|line| !line.trim().is_empty()).filter_map(|line| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next_back()?);
        // The columns do not tell the architecture.
        let row = package(name, version, "")?;
        version.contains('-').then_some(Package { architecture: None, ..row })
    });
    Listing::of(rows.collect())
}

/// Reads the table of `dpkg -l`.
pub fn dpkg_list(text: &str) -> Option<Listing> {
    let rows = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let (state, name, version) = (words.next()?, words.next()?, words.next()?);
        (state.len() <= 3 && is_installed(state)).then_some(())?;
        let name = name.split(':').next().unwrap_or(name);
        package(name, version, words.next().unwrap_or_default())
    });
    Listing::of(rows.collect())
}

/// Reads the packages in `sysinfo.txt` of crm report and of Pacemaker's crm_report: `NAME VERSION - DISTRIBUTION
/// ARCHITECTURE` of rpm, `NAME VERSION ARCHITECTURE` of dpkg. Not all packages need be there: one that is not may be
/// installed.
pub fn report(text: &str) -> Vec<Package> {
    let headings =
        ["#####Cluster related packages", "##### Installed cluster related packages", "Installed packages:"];
    let rows =
        text.lines().skip_while(|line| !headings.iter().any(|heading| line.starts_with(heading))).skip(1);
    let rows = rows.take_while(|line| !line.trim().is_empty()).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [name, version, architecture] => package(name, version, architecture),
            [name, version, "-", .., architecture] => package(name, version, architecture),
            _ => None,
        }
    });
    gather(rows.filter(|row| is_asked_for(&row.name)).collect())
}

fn package(name: &str, version: &str, architecture: &str) -> Option<Package> {
    let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric());
    (starts(name) && starts(version)).then(|| Package {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        architecture: Some(architecture.to_owned()),
    })
}

/// The second letter of dpkg's status is the state: installed, waiting for or having triggers pending.
fn is_installed(status: &str) -> bool {
    matches!(status.as_bytes().get(1), Some(b'i' | b'W' | b't'))
}

/// Reads lines of `STATUS\tNAME\tVERSION\tARCHITECTURE` of dpkg-query; only what is installed counts.
pub fn dpkg(text: &str) -> Vec<Package> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.split('\t');
        is_installed(cells.next()?.trim()).then_some(())?;
        row(cells)
    });
    gather(rows.collect())
}

/// Reads lines of `NAME\tVERSION-RELEASE\tARCHITECTURE` of rpm.
pub fn rpm(text: &str) -> Vec<Package> {
    gather(text.lines().filter_map(|line| row(line.split('\t'))).collect())
}

fn row<'a>(mut cells: impl Iterator<Item = &'a str>) -> Option<Package> {
    let (name, version, architecture) = (cells.next()?.trim(), cells.next()?.trim(), cells.next()?.trim());
    (!name.is_empty() && !version.is_empty()).then(|| Package {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        architecture: Some(architecture.to_owned()),
    })
}

/// Sorts packages by name. What is installed in several versions, as kernels are, becomes one package with all of them.
fn gather(mut rows: Vec<Package>) -> Vec<Package> {
    rows.sort_by(|a, b| (&a.name, &a.version, &a.architecture).cmp(&(&b.name, &b.version, &b.architecture)));
    rows.dedup();
    let mut out: Vec<Package> = Vec::with_capacity(rows.len());
    for row in rows {
        match out.last_mut().filter(|last| last.name == row.name) {
            Some(last) => {
                join(&mut last.version, row.version);
                join(&mut last.architecture, row.architecture);
            }
            None => out.push(row),
        }
    }
    out
}

fn join(all: &mut Option<String>, one: Option<String>) {
    if let (Some(all), Some(one)) = (all, one)
        && !all.split(' ').any(|known| known == one)
    {
        all.push(' ');
        all.push_str(&one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list long enough to be of a whole system.
    fn long(rows: &str, filler: impl Fn(usize) -> String) -> String {
        (0..20).map(filler).chain(std::iter::once(rows.to_owned())).collect()
    }

    fn versions(packages: &[Package]) -> Vec<(&str, &str)> {
        packages.iter().map(|one| (one.name.as_str(), one.version.as_deref().unwrap_or_default())).collect()
    }

    #[test]
    fn the_script_asks_for_the_same_packages() {
        let script = crate::probe::script::SCRIPT;
        let (_, after) = script.split_once("_p='").unwrap();
        let asked: Vec<&str> = after.split_once('\'').unwrap().0.split_whitespace().collect();
        assert_eq!(asked, PATTERNS.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn listings_of_bundles_are_read() {
        let rpms = long(
            "corosync-3.1.7-1.el9.x86_64                    Tue 04 Mar 2025 10:11:12\nresource-agents-cloud-4.10.0-44.el9_3.x86_64 Tue 04 Mar 2025\nbash-5.1.8-9.el9.x86_64 x\ngpg-pubkey-fd431d51-4ae0493b.(none) x\n",
            |at| format!("filler{at}-1.0-{at}.noarch  Tue 04 Mar 2025\n"),
        );
        let listing = rpm_list(&rpms).unwrap();
        assert_eq!(
            versions(&listing.packages),
            [("corosync", "3.1.7-1.el9"), ("resource-agents-cloud", "4.10.0-44.el9_3")]
        );
        assert_eq!(listing.packages[0].architecture.as_deref(), Some("x86_64"));
        assert!(listing.names.iter().any(|name| name == "bash"));
        assert_eq!(rpm_list("bash-5.1.8-9.el9.x86_64 x\n"), None, "a system has more packages");

        let debs = long(
            "ii  libqb100:amd64   2.0.6-2   amd64  high performance client server features library\nrc  sbd  1.5.2-1 amd64 x\n",
            |at| format!("ii  filler{at}  1.{at}-1  all  text\n"),
        );
        assert_eq!(versions(&dpkg_list(&debs).unwrap().packages), [("libqb100", "2.0.6-2")]);

        let filler = |at| format!("filler{at}       SUSE Linux Enterprise 15    1.0-{at}\n");
        let columns = long(
            "pacemaker   SUSE Linux Enterprise 15  2.1.5+20221208.a3f44794f-150500.4.9\n\ncorosync x 1-1\n",
            filler,
        );
        let columns = format!("# rpm -qa\nNAME                DISTRIBUTION              VERSION\n{columns}");
        let listing = rpm_columns(&columns).unwrap();
        assert_eq!(versions(&listing.packages), [("pacemaker", "2.1.5+20221208.a3f44794f-150500.4.9")]);
        assert_eq!(listing.packages[0].architecture, None);
    }

    #[test]
    fn the_public_report_is_read() {
        let Some(text) = crate::probe::linux::sample("crmsh-hb_report/sysinfo.txt") else { return };
        let packages = report(&text);
        let of =
            |name: &str| packages.iter().find(|one| one.name == name).and_then(|one| one.version.as_deref());
        assert_eq!(of("corosync"), Some("2.4.4-3.8"));
        assert_eq!(of("cluster-glue"), Some("1.0.12+v1.git.1534346580.be86a9f2-178.7"));
        assert_eq!(of("glibc"), None);
    }

    #[test]
    fn only_installed_packages_count() {
        let packages = dpkg(
            "ii \tcorosync\t3.1.7-1\tamd64\nrc \tpacemaker\t2.1.5-1\tamd64\nun \tchrony\t\t\nhi \tsbd\t1.5.2-1\tamd64\n",
        );
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["corosync", "sbd"]);
        assert_eq!(packages[0].version.as_deref(), Some("3.1.7-1"));
    }

    #[test]
    fn several_kernels_are_one_package() {
        let packages = rpm(
            "kernel-default\t5.14.21-150500.55.49.1\tx86_64\nkernel-default\t5.14.21-150500.55.44.1\tx86_64\nlibqb100\t1:2.0.6-1\tx86_64\n",
        );
        assert_eq!(packages.len(), 2);
        assert_eq!(packages[0].version.as_deref(), Some("5.14.21-150500.55.44.1 5.14.21-150500.55.49.1"));
        assert_eq!(packages[0].architecture.as_deref(), Some("x86_64"));
    }

    #[test]
    fn messages_are_no_packages() {
        assert!(rpm("error: cannot open Packages database in /var/lib/rpm\n").is_empty());
        assert!(dpkg("dpkg-query: no packages found matching corosync*\n").is_empty());
    }
}
