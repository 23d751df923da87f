use super::*;
use proptest::prelude::*;

fn read(text: &str) -> (Table, Problems) {
    let mut problems = Problems::new();
    let table = Table::parse(&SourceFile::new("a.toml", text), &mut problems);
    (table, problems)
}

fn text_of(toml: &str) -> Text {
    let (mut table, mut problems) = read(toml);
    let text = table.need("a", &mut problems);
    assert!(problems.is_empty(), "{problems}");
    text.expect("read without a problem")
}

fn drawn(problems: &Problems) -> String {
    problems.render(Look::Plain { width: 100 })
}

#[test]
fn a_word_is_found_in_every_kind_of_string() {
    for toml in [
        "a = 'the word here'",
        "a = \"the word here\"",
        "a = '''\nthe word here'''",
        "a = '''\r\nthe word here'''",
        "a = \"\"\"\nthe word here\"\"\"",
        "a = \"t\\u0068e word here\"",
        "a = \"t\\x68e word here\"",
        "a = \"\\U00000074he word \\\"here\"",
        "a = \"\"\"the \\\n   \r\n   word here\"\"\"",
        "a = \"\"\"the \\   \n word\\\n here\"\"\"",
        "a = \"ä\\t word here\"",
    ] {
        let text = text_of(toml);
        let at = text.find("word").expect("it is there");
        assert_eq!(text.within(at..at + 4).text(), "word", "{toml:?} {:?}", text.within(at..at + 4));
    }
}

#[test]
fn the_end_of_a_string_is_before_its_closing_quotes() {
    for toml in ["a = 'x'", "a = \"x\"", "a = '''x'''", "a = \"\"\"\nx\\\n \"\"\""] {
        let text = text_of(toml);
        let end = text.within(1..1).range();
        let close = toml.trim_end_matches(['"', '\'']).len();
        assert_eq!(end, close..close, "{toml:?}");
    }
    assert_eq!(text_of("a = ''").inner().text(), "''");
}

#[test]
fn all_mistakes_of_a_file_are_shown_at_once() {
    let (mut table, mut problems) =
        read("nmae = 'x'\nmtu = \"1500\"\nup = 1\nlist = 'one'\nday = 2026-02-30\n");
    assert!(problems.len() == 1, "the day is a mistake of syntax: {problems}");
    problems = Problems::new();
    let _: Option<Text> = table.need("name", &mut problems);
    let _: Option<Spanned<i64>> = table.get("mtu", &mut problems);
    let _: Option<Spanned<bool>> = table.get("up", &mut problems);
    let _: Option<Vec<Text>> = table.get("list", &mut problems);
    let _: Option<Spanned<jiff::civil::Date>> = table.get("day", &mut problems);
    let _: Option<Table> = table.get("node", &mut problems);
    table.finish(&mut problems);
    insta::assert_snapshot!(drawn(&problems));
}

#[test]
fn syntax_is_reported_whole_and_the_rest_is_read_nevertheless() {
    let (mut table, problems) =
        read("a = = 1\nb = [1 2]\nc = 3\n\n[t]\nx = 1\n[t]\ny = 2\nz = 'open\n[u]\nk = 5\n");
    insta::assert_snapshot!(drawn(&problems));
    let mut problems = Problems::new();
    assert!(table.is_damaged());
    let k =
        table.get::<Table>("u", &mut problems).and_then(|mut u| u.get::<Spanned<i64>>("k", &mut problems));
    assert_eq!(k.map(|k| k.value), Some(5));
    assert!(table.need::<Text>("absent", &mut problems).is_none());
    for key in ["a", "b", "c", "t"] {
        let _: Option<Item> = table.get(key, &mut problems);
    }
    table.finish(&mut problems);
    assert!(problems.is_empty(), "nothing is said to be missing in a damaged file: {problems}");
}

#[test]
fn an_unclosed_list_is_told_once_at_its_bracket() {
    let (_, problems) = read("a = = 1\nb = [1, 2\nc = 3\n[t]\nx = 1\n");
    insta::assert_snapshot!(drawn(&problems));
    assert!(read("b = { x = 1\nc = 3\n").1.to_string().contains("this table is never closed"));
    assert_eq!(read("b = [").1.to_string(), "a.toml:1:5: not valid TOML: this list is never closed");
}

#[test]
fn what_a_terminal_would_act_on_is_never_drawn() {
    let (table, mut problems) =
        read("a = 'x'\n\"\u{1b}[31m\u{202e}\u{9b}\u{200b}\" = 1\n\"\\u001b[31m\" = 1");
    table.finish(&mut problems);
    let drawn = drawn(&problems) + &problems.to_string();
    assert!(!drawn.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{200b}']), "{drawn:?}");
    assert!(drawn.contains("\\u{1b}[31m"), "{drawn}");
}

#[test]
fn a_masked_part_is_never_drawn() {
    let (mut table, mut problems) = read("a = 1\nsecret = 'hünter2'\nb = 2\n");
    let secret: Text = table.need("secret", &mut problems).expect("it is there");
    table.finish(&mut problems);
    problems.mask(&secret.span);
    problems.push(secret.problem("not here", "a secret"));
    let drawn = drawn(&problems);
    assert!(!drawn.contains("nter") && drawn.contains("secret = **********"), "{drawn}");
    assert!(drawn.contains("3 problems in a.toml") && drawn.contains("a.toml:2:11"), "{drawn}");
}

#[test]
fn a_very_long_line_is_cut_around_the_place() {
    let (mut table, mut problems) = read(&format!(
        "x = [{}]\na = '{} word {}'\n",
        "1, ".repeat(5000),
        "-".repeat(5000),
        "é".repeat(5000)
    ));
    let text: Text = table.need("a", &mut problems).expect("it is there");
    problems.push(text.within(5001..5005).problem("wrong", "this"));
    let drawn = problems.render(Look::Plain { width: 100 });
    assert!(drawn.len() < 3000 && drawn.contains("word") && drawn.contains("a.toml:2:5007"), "{drawn}");
}

#[test]
fn what_is_drawn_stays_short_whatever_the_file_is_like() {
    let long = "x".repeat(100_000);
    let (table, mut problems) = read(&format!("{long} = 1\na = '{long}'\nb = [{}\n", "1,".repeat(50_000)));
    table.finish(&mut problems);
    let (mut table, _) = read(&format!("a = '{long}'"));
    let text: Text = table.need("a", &mut problems).expect("it is there");
    problems.push(text.problem(format!("`{text}` is wrong"), text.as_str()).help(text.as_str()));
    let (mut table, _) = read(&format!("a = 1{}\nb = 2", " ".repeat(100_000)));
    let a: Spanned<i64> = table.need("a", &mut problems).expect("it is there");
    let b: Spanned<i64> = table.need("b", &mut problems).expect("it is there");
    problems.push(a.span.problem("near", "one").label(&b.span, "the line after"));
    let drawn = drawn(&problems);
    assert!(drawn.len() < 20_000 && problems.to_string().len() < 10_000, "{} {drawn}", drawn.len());
}

#[test]
fn places_count_lines_from_one_without_the_byte_order_mark() {
    let (mut table, mut problems) = read("\u{feff}a = 1\r\nb = 'ü' # x\r\n");
    assert_eq!(table.get::<Spanned<i64>>("a", &mut problems).expect("there").span.range(), 4..5);
    let b: Text = table.get("b", &mut problems).expect("there");
    assert_eq!((b.place().to_string(), format!("{:?}", b.span)), ("a.toml:2".into(), "a.toml:2:5+4".into()));
    problems.push(b.problem("wrong", "this"));
    insta::assert_snapshot!(drawn(&problems));
}

#[test]
fn files_that_are_no_text_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let refused = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let problem = SourceFile::read(&path).expect_err("must be refused");
        format!("{problem:?}").replace(&dir.path().display().to_string(), "DIR")
    };
    assert_eq!(
        refused("latin1", b"\xef\xbb\xbfa = 1\nb = 'gr\xfc\xdf'\n"),
        "DIR/latin1:2:8: the file is not UTF-8 text (save the file as UTF-8)"
    );
    assert!(refused("utf16", b"\xff\xfea\0").contains("UTF-16"));
    assert!(SourceFile::read(dir.path()).expect_err("refused").message().contains("directory"));
    assert!(
        SourceFile::read(&dir.path().join("absent"))
            .expect_err("refused")
            .message()
            .contains("cannot be read")
    );
    let large = dir.path().join("large");
    std::fs::File::create(&large).and_then(|file| file.set_len(MAX_SOURCE_BYTES + 1)).expect("a sparse file");
    assert!(SourceFile::read(&large).expect_err("refused").message().contains("larger than 4 MiB"));
}

#[test]
fn deep_nesting_and_long_keys_are_refused() {
    let deep = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(!read(&deep).1.is_empty());
    let keys = format!("{} = 1", vec!["a"; 100_000].join("."));
    assert!(!read(&keys).1.is_empty());
}

#[test]
fn a_file_of_mistakes_only_is_refused_in_bounded_time_and_words() {
    for line in ["=\n", "= ", "[[\n", "a = '\n", "x\n", "a=1\n"] {
        let (_, problems) = read(&line.repeat(20_000));
        let drawn = drawn(&problems);
        assert!(!problems.is_empty() && drawn.len() < 40_000, "{}", drawn.len());
    }
}

#[test]
fn empty_files_and_mistakes_at_the_end_are_drawn() {
    let (mut table, mut problems) = read("");
    assert!(table.need::<Text>("name", &mut problems).is_none());
    table.finish(&mut problems);
    assert!(drawn(&problems).contains("`name` is missing"), "{}", drawn(&problems));
    let (_, problems) = read("a =");
    assert!(drawn(&problems).contains("a.toml:1:"), "{}", drawn(&problems));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_text_is_read_and_drawn_without_panic(text in "(\\PC|[\\[\\]{}=.,'\"\\\\\n\r\t#a1-])*") {
        let (table, mut problems) = read(&text);
        for (key, item) in table.clone().into_entries() {
            problems.push(key.problem("key", "key"));
            problems.push(item.wrong_kind("something else"));
        }
        table.finish(&mut problems);
        let _ = drawn(&problems) + &problems.to_string() + &problems.render(Look::Fancy { width: 40, colour: true });
    }

    #[test]
    fn every_character_of_a_string_is_found_again(parts in prop::collection::vec(prop_oneof![
        Just(("\\n".to_owned(), "\n".to_owned())), Just(("\\\"".to_owned(), "\"".to_owned())),
        Just(("\\\n  \t".to_owned(), String::new())),
        any::<char>().prop_map(|c| (format!("\\U{:08x}", c as u32), c.to_string())),
        "[a-zéß€😀]".prop_map(|c| (c.clone(), c)),
    ], 0..20)) {
        let raw: String = parts.iter().map(|(raw, _)| raw.as_str()).collect();
        let text = text_of(&format!("a = \"\"\"\n{raw}\"\"\""));
        let mut at = 0;
        for (raw, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
            let span = text.within(at..at + value.len());
            prop_assert_eq!(span.text(), raw);
            at += value.len();
        }
        prop_assert_eq!(at, text.len());
    }
}
