// Answers the questions of layout_cases.c with Rust's own core::alloc::Layout: one line in, one line out.
// layout_answers.c is the other side. A layout that Rust refuses to make is an error, whatever the question was.
//
// --cfg padding: padding_needed_for, which is unstable, can be asked.
#![cfg_attr(padding, feature(ptr_alignment_type))]

use std::alloc::Layout;
use std::io::{self, BufRead, BufWriter, Write};

#[repr(align(64))]
struct Line(#[allow(dead_code)] [u8; 64]);
#[repr(align(4096))]
struct Page(#[allow(dead_code)] [u8; 4096]);
#[repr(align(65536))]
struct Empty;

// Layout::array takes a type, not a layout; these are the types of layout_cases.c.
fn array(element: Layout, count: usize) -> Option<Layout> {
    match (element.size(), element.align()) {
        (0, 1) => Layout::array::<()>(count),
        (1, 1) => Layout::array::<u8>(count),
        (3, 1) => Layout::array::<[u8; 3]>(count),
        (6, 2) => Layout::array::<[u16; 3]>(count),
        (4, 4) => Layout::array::<u32>(count),
        (8, 8) => Layout::array::<u64>(count),
        (24, 8) => Layout::array::<[u64; 3]>(count),
        (64, 64) => Layout::array::<Line>(count),
        (4096, 4096) => Layout::array::<Page>(count),
        (0, 65536) => Layout::array::<Empty>(count),
        _ => panic!("a type that layout.rs does not have: {element:?}"),
    }
    .ok()
}

fn padding(layout: Layout, align: usize) -> usize {
    #[cfg(padding)]
    return std::ptr::Alignment::new(align).map_or(usize::MAX, |align| layout.padding_needed_for(align));
    #[cfg(not(padding))]
    panic!("padding_needed_for is not in this compiler: {layout:?}, {align}");
}

fn plain(layout: Layout) -> String {
    format!("{:x} {:x}", layout.size(), layout.align())
}

fn with(answer: (Layout, usize)) -> String {
    format!("{} {:x}", plain(answer.0), answer.1)
}

fn answer(question: &str, n: &[usize]) -> Option<String> {
    let layout = Layout::from_size_align(n[0], n[1]).ok();
    let next = || Layout::from_size_align(n[2], n[3]).ok();
    match question {
        "new" => layout.map(plain),
        "pad" => Some(plain(layout?.pad_to_align())),
        "align" => layout?.align_to(n[2]).ok().map(plain),
        "padding" => Some(format!("{:x}", layout.map_or(usize::MAX, |layout| padding(layout, n[2])))),
        "array" => array(layout?, n[2]).map(plain),
        "repeat" => layout?.repeat(n[2]).ok().map(with),
        "packed" => layout?.repeat_packed(n[2]).ok().map(plain),
        "extend" => layout?.extend(next()?).ok().map(with),
        "append" => layout?.extend_packed(next()?).ok().map(plain),
        _ => panic!("no such question: {question}"),
    }
}

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let question = words.next().unwrap();
        let numbers: Vec<usize> = words.map(|word| usize::from_str_radix(word, 16).unwrap()).collect();
        writeln!(out, "{}", answer(question, &numbers).unwrap_or("error".into()))?;
    }
    out.flush()
}
