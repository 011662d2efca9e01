"""What generators with one table and one page have in common: gen_causes.py, gen_lint.py, gen_probes.py."""
import argparse
import pathlib

TOP = pathlib.Path(__file__).resolve().parent.parent


def table_or_page(description, page, load, render_table, render_page):
    """Without --out-cc the page in the source tree is written, or compared by --check."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out-cc", type=pathlib.Path, help="the table, made during the build")
    parser.add_argument("--out-page", type=pathlib.Path, default=TOP / page)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    rows = load()
    # A build makes the table and leaves the source tree alone.
    path, text = (args.out_cc, render_table(rows)) if args.out_cc else (args.out_page, render_page(rows))
    same = path.exists() and path.read_text(encoding="utf-8") == text
    if args.check:
        return 0 if same else f"{path} is not up to date"
    if not same:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if args.out_cc:
        path.touch()  # newer than what it was made of, or the build would make it again
    return 0
