//! How much room words take in a drawing.
//!
//! A page does not know what fonts its reader has. Words are measured by one of the widest that systems come with, in bold; what
//! fits by that fits in the others. Where a character is none that was measured, the browser is told the width and keeps to it.

/// Size of the letters, in pixels; `style.css` says the same.
const SIZE: usize = 12;

/// Widths of the characters from the space to `~` in DejaVu Sans Bold, in hundredths of the size.
const ASCII: [u8; 95] = [
    35, 46, 52, 84, 70, 100, 87, 31, 46, 46, 52, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70, 70,
    40, 40, 84, 84, 84, 58, 100, 77, 76, 73, 83, 68, 68, 82, 84, 37, 37, 77, 64, 100, 84, 85, 73, 85, 77, 72,
    68, 81, 77, 110, 77, 72, 73, 46, 37, 46, 84, 50, 50, 67, 72, 59, 72, 68, 44, 72, 71, 34, 34, 67, 34, 104,
    71, 69, 72, 72, 49, 60, 48, 71, 65, 92, 65, 65, 58, 71, 37, 71, 84,
];

/// Stands for what is left out.
const MORE: char = '…';

/// Words as far as there is room for them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fitted {
    /// What is shown.
    pub shown: String,
    /// Whether that is not all.
    pub cut: bool,
    /// The width that the browser must keep to, in pixels, where it may not be what was measured.
    pub width: Option<usize>,
}

/// The words cut to a width in pixels.
pub(super) fn fit(words: &str, room: usize) -> Fitted {
    let room = room * 100;
    let whole: usize = words.chars().map(width).sum();
    let cut = whole > room;
    let mut shown = String::new();
    let mut taken = whole;
    if cut {
        taken = width(MORE);
        for c in words.chars() {
            if taken + width(c) > room {
                break;
            }
            taken += width(c);
            shown.push(c);
        }
        shown.truncate(shown.trim_end().len());
        shown.push(MORE);
    } else {
        shown.push_str(words);
    }
    let strange = shown.chars().any(|c| measured(c).is_none());
    Fitted { width: strange.then_some(taken / 100), shown, cut }
}

/// Whether the words need not be cut.
pub(super) fn fits(words: &str, room: usize) -> bool {
    words.chars().map(width).sum::<usize>() <= room * 100
}

/// Width of a character in hundredths of a pixel.
fn width(c: char) -> usize {
    let guess = match u32::from(c) {
        // Letters of the west, Greek and Cyrillic.
        ..0x0590 => 80,
        // Full width: Hangul, Chinese and Japanese, their full-width forms, pictographs.
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xffe6
        | 0x1_f000.. => 105,
        _ => 90,
    };
    SIZE * measured(c).map_or(guess, usize::from)
}

/// Width of a character that was measured, in hundredths of the size.
fn measured(c: char) -> Option<u8> {
    match c {
        '✗' | '✓' => Some(90),
        MORE => Some(100),
        c => ASCII.get(usize::try_from(u32::from(c).checked_sub(0x20)?).ok()?).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_the_room_ends() {
        assert_eq!(fit("hv1", 40), Fitted { shown: "hv1".into(), cut: false, width: None });
        assert_eq!(fit("iiiiiiiiii", 41).shown, "iiiiiiiiii");
        assert_eq!(fit("WWWWWWWWWW", 41), Fitted { shown: "WW…".into(), cut: true, width: None });
        assert!(fits("iiiiiiiiii", 41) && !fits("WWWWWWWWWW", 41));
        assert_eq!(fit("ab cdef", 36).shown, "ab…", "no space before the mark");
    }

    #[test]
    fn what_was_not_measured_is_held_to_its_room() {
        let fitted = fit("節点一", 100);
        assert_eq!((fitted.shown.as_str(), fitted.cut, fitted.width), ("節点一", false, Some(37)));
        let fitted = fit("節点一二三四五", 49);
        assert_eq!((fitted.shown.as_str(), fitted.cut), ("節点…", true));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_wider_than_its_room(words in ".*", room in 12_usize..300) {
            let fitted = fit(&words, room);
            let width: usize = fitted.shown.chars().map(width).sum();
            proptest::prop_assert!(width <= room * 100);
            proptest::prop_assert!(fitted.cut || fitted.shown == words);
            proptest::prop_assert!(fitted.width.is_none_or(|width| width <= room));
        }
    }
}
