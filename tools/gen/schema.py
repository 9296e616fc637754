"""Reads src/api/schema/*.json and answers questions about the types in it."""
import json
import os

SCALARS = {
    'string': 'kString', 'bytes': 'kBytes', 'bool': 'kBool', 'int32': 'kInt32', 'int64': 'kInt64', 'double': 'kDouble',
    'Time': 'kTime', 'MicroTime': 'kMicroTime', 'Duration': 'kDuration', 'Quantity': 'kQuantity',
    'IntOrString': 'kIntOrString', 'Any': 'kAny', 'FieldsV1': 'kFieldsV1',
}


class Schema:
    """files: one dict a schema file. types: full name -> declaration, with '_file', '_name' and '_full' added."""

    def __init__(self, directory):
        self.files = []
        self.types = {}
        self._alias = {}
        for name in sorted(os.listdir(directory)):
            if not name.endswith('.json'):
                continue
            with open(os.path.join(directory, name), encoding='utf-8') as f:
                data = json.load(f)
            self.files.append(data)
            self._alias['.'.join(data['package'].split('.')[-2:])] = data['package']
            for short, t in data['types'].items():
                t['_file'], t['_name'], t['_full'] = data, short, data['package'] + '.' + short
                self.types[t['_full']] = t
        for t in self.types.values():
            for field in t['fields']:
                field['_type'] = self._resolve(field['type'], t['_file']['package'], t['_full'] + '.' + field['name'])
                if isinstance(field['_type'], list) and field['_type'][0] == 'list':
                    field['_type'] += [field.get('list', 'atomic'), tuple(field.get('keys', ()))]

    def _resolve(self, text, package, where):
        """'string' -> 'string'; 'Pod' -> full name; '[]T' -> ['list', T]; 'map:T' -> ['map', T]."""
        if text.startswith('[]'):
            return ['list', self._resolve(text[2:], package, where)]
        if text.startswith('map:'):
            return ['map', self._resolve(text[4:], package, where)]
        if text in SCALARS:
            return text
        full = package + '.' + text
        if '.' in text:
            alias, name = text.rsplit('.', 1)
            full = self._alias.get(alias, alias) + '.' + name
        if full not in self.types:
            raise SystemExit('schema: %s names the type %s, which is declared nowhere' % (where, text))
        return full

    def kinds(self):
        """(file, resource) of every served resource."""
        return [(f, r) for f in self.files for r in f['resources'] if r.get('served')]

    def type_of_kind(self, group, version, kind):
        for f in self.files:
            if f['group'] == group and f['version'] == version and kind in f['types']:
                return f['types'][kind]
        return None


def leaf(t):
    """The innermost type of lists and maps."""
    while isinstance(t, list):
        t = t[1]
    return t


def api_version(group, version):
    return group + '/' + version if group else version


def quote(text):
    """A C++ string literal."""
    return json.dumps(text, ensure_ascii=False)
