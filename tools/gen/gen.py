#!/usr/bin/env python3
"""gen.py [--list] SCHEMA_DIR OUT_DIR: writes everything that is generated from the schema, or lists the files it would write.

Files whose content did not change are left alone, so that nothing that includes them is compiled again."""
import os
import sys

import kinds
import schema
import structs
import tables


def outputs(directory):
    """Relative path -> function that renders it."""
    data = schema.Schema(directory)
    generated = structs.Structs(data)
    files = {'api/schema_tables.cc': lambda: tables.Tables(data).render(), 'api/kind_tables.cc': lambda: kinds.render(data)}
    for space in generated.groups:
        files['api/types/%s.h' % space] = lambda s=space: generated.header(s)
        files['api/types/%s_describe.cc' % space] = lambda s=space: generated.source(s)
    return files


def write_if_changed(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        with open(path, encoding='utf-8') as f:
            if f.read() == text:
                return
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def main(arguments):
    listing = arguments[0] == '--list'
    directory, out = arguments[-2:]
    for path, render in sorted(outputs(directory).items()):
        full = os.path.join(out, path)
        if listing:
            print(full)
        else:
            write_if_changed(full, render())
    if not listing:
        write_if_changed(os.path.join(out, 'api/stamp'), '')
        os.utime(os.path.join(out, 'api/stamp'))


if __name__ == '__main__':
    main(sys.argv[1:])
