"""Writes api/types/<group>.h and <group>_describe.cc: the C++ structs of the kinds that components work with."""
import re

from schema import api_version, leaf, quote

# Types that are worked with though no served kind reaches them.
EXTRA_ROOTS = ['io.k8s.apimachinery.pkg.apis.meta.v1.' + n for n in ('Status', 'DeleteOptions', 'LabelSelector', 'ListMeta',
                                                                     'Condition')] + ['io.k8s.api.events.v1.Event']
# Carried by stored objects, of no use to components, and costly to decode.
OMITTED = {'managedFields', 'selfLink'}
INLINE = {'metadata', 'spec', 'status'}
RESERVED = set('''alignas alignof and asm auto bool break case catch char class concept const continue default delete do double
else enum explicit export extern false float for friend goto if inline int long mutable namespace new not operator or private
protected public register requires return short signed sizeof static struct switch template this throw true try typedef typeid
typename union unsigned using virtual void volatile while xor stdin stdout stderr major minor linux unix errno'''.split())
SCALAR_CPP = {
    'string': 'std::string', 'bytes': 'std::string', 'bool': 'bool', 'int32': 'int32_t', 'int64': 'int64_t',
    'double': 'double', 'Time': 'WallTime', 'MicroTime': 'WallTime', 'Duration': 'std::string', 'Quantity': 'Quantity',
    'IntOrString': 'IntOrString', 'Any': 'json::Value', 'FieldsV1': 'json::Value',
}


def snake(name):
    """nodeName -> node_name, podIPs -> pod_ips, clusterIP -> cluster_ip."""
    name = name.lstrip('$').replace('-', '_')
    name = re.sub(r'(ID|IP|URL|CIDR|API)s(?=$|[A-Z])', lambda m: m.group(1).capitalize() + 's', name)
    name = re.sub(r'([A-Z]+)([A-Z][a-z])', r'\1_\2', name)
    name = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name).lower()
    return name + '_' if name in RESERVED else name


def namespace_of(t):
    package = t['_file']['package'].split('.')
    group, version = package[-2], package[-1]
    return group if version == 'v1' else group + '_' + version


class Structs:
    def __init__(self, schema):
        self.schema = schema
        self.groups = {}  # namespace -> ordered type names
        self.kinds = {}   # full name -> (api version, kind)
        roots = list(EXTRA_ROOTS)
        for f, r in schema.kinds():
            roots.append(f['types'][r['kind']]['_full'])
            self.kinds[roots[-1]] = (api_version(f['group'], f['version']), r['kind'])
            for s in r.get('subresources', []):
                t = schema.type_of_kind(s.get('group', f['group']), s.get('version', f['version']), s['kind'])
                if t is not None:
                    roots.append(t['_full'])
                    self.kinds.setdefault(t['_full'], (api_version(s.get('group', f['group']),
                                                                   s.get('version', f['version'])), s['kind']))
        self.kinds['io.k8s.apimachinery.pkg.apis.meta.v1.Status'] = ('v1', 'Status')
        self.kinds['io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'] = ('v1', 'DeleteOptions')
        self.kinds['io.k8s.api.events.v1.Event'] = ('events.k8s.io/v1', 'Event')
        self.order, self._state = [], {}
        for root in roots:
            self._visit(root)
        for name in self.order:
            self.groups.setdefault(namespace_of(schema.types[name]), []).append(name)

    def _visit(self, name):
        """Depth first, so that a struct stands after everything it holds."""
        if self._state.get(name) == 'done':
            return
        if self._state.get(name) == 'open':
            raise SystemExit('structs: %s holds itself' % name)
        self._state[name] = 'open'
        for field in self.fields(name):
            inner = leaf(field['_type'])
            if inner in self.schema.types:
                self._visit(inner)
        self._state[name] = 'done'
        self.order.append(name)

    def fields(self, name):
        skip = OMITTED | ({'kind', 'apiVersion'} if name in self.kinds else set())
        return [f for f in self.schema.types[name]['fields'] if f['name'] not in skip]

    def cpp(self, field_type, home):
        if isinstance(field_type, list):
            element = self.cpp(field_type[1], home)
            if field_type[0] == 'list':
                return 'std::vector<%s>' % element
            return 'StringMap' if element == 'std::string' and field_type[1] == 'string' else 'Map<%s>' % element
        if field_type in SCALAR_CPP:
            return SCALAR_CPP[field_type]
        t = self.schema.types[field_type]
        space = namespace_of(t)
        return t['_name'] if space == home else space + '::' + t['_name']

    def member(self, field, home, is_kind):
        """(C++ type, initialiser, descriptor expression or None for the default)"""
        ft, required = field['_type'], field.get('required', False)
        cpp = self.cpp(ft, home)
        if isinstance(ft, list):
            return cpp, '', '&kBytesMapValue' if ft[:2] == ['map', 'bytes'] else None
        if ft == 'bytes':
            return cpp, '', '&kBytesValue'
        if ft in ('string', 'Duration', 'Any', 'FieldsV1'):
            return cpp, '', None
        if ft in ('bool', 'int32', 'int64', 'double'):
            return (cpp, ' = ' + {'bool': 'false'}.get(ft, '0'), None) if required else ('std::optional<%s>' % cpp, '', None)
        if ft == 'MicroTime':
            return 'std::optional<WallTime>', '', '&kMicroTimeValue'
        if ft in SCALAR_CPP:
            return (cpp, '', None) if required and ft != 'Time' else ('std::optional<%s>' % cpp, '', None)
        if required or (field['name'] in INLINE):
            return cpp, '', None
        return 'Box<%s>' % cpp, '', None

    def includes(self, home):
        spaces = set()
        for name in self.groups[home]:
            for field in self.fields(name):
                inner = leaf(field['_type'])
                if inner in self.schema.types:
                    spaces.add(namespace_of(self.schema.types[inner]))
        return sorted(spaces - {home})

    def header(self, home):
        out = ['// Generated by tools/gen from src/api/schema. Do not edit.\n'
               '// Strings, lists and maps are absent when empty; optional and Box members are absent when they have no value;\n'
               '// plain numbers and booleans are required fields and always written.\n#pragma once\n\n'
               '#include <cstdint>\n#include <optional>\n#include <string>\n#include <vector>\n\n'
               '#include "api/kind.h"\n#include "api/meta/box.h"\n#include "api/meta/int_or_string.h"\n'
               '#include "api/meta/map.h"\n#include "api/meta/quantity.h"\n#include "api/types/convert.h"\n']
        out += ['#include "api/types/%s.h"\n' % space for space in self.includes(home)]
        out.append('#include "base/time.h"\n#include "codec/json.h"\n\nnamespace sampan::api::%s {\n' % home)
        for name in self.groups[home]:
            t = self.schema.types[name]
            out.append('\nstruct %s {' % t['_name'])
            if name in self.kinds:
                out.append('  // %s %s' % self.kinds[name])
            out.append('\n')
            for field in self.fields(name):
                cpp, init, _ = self.member(field, home, name in self.kinds)
                out.append('  %s %s%s;\n' % (cpp, snake(field['name']), init))
            out.append('\n  bool operator==(const %s&) const = default;\n};\n' % t['_name'])
        out.append('\n}  // namespace sampan::api::%s\n' % home)
        out.append('namespace sampan::api::types {\n')
        for name in self.groups[home]:
            out.append('template <>\nconst StructInfo Describe<%s::%s>::kInfo;\n' % (home, self.schema.types[name]['_name']))
        out.append('}  // namespace sampan::api::types\n')
        return ''.join(out)

    def source(self, home):
        out = ['// Generated by tools/gen from src/api/schema. Do not edit.\n#include <cstddef>\n\n'
               '#include "api/object.h"\n#include "api/types/%s.h"\n#include "api/types/describe.h"\n'
               '#include "base/check.h"\n\n'
               '// The structs hold std::optional and Box, so the standard only makes offsetof conditionally supported;\n'
               '// both compilers support it for them.\n'
               '#pragma GCC diagnostic ignored "-Winvalid-offsetof"\n\nnamespace sampan::api {\n'
               'namespace types {\nnamespace {\n' % home]
        names = [(name, self.schema.types[name]['_name']) for name in self.groups[home]]
        for i, (name, short) in enumerate(names):
            fields = self.fields(name)
            if not fields:
                continue
            out.append('constexpr Member kMembers%d[] = {\n' % i)
            for field in fields:
                _, _, value = self.member(field, home, name in self.kinds)
                m = '%s::%s' % (home, short)
                member = snake(field['name'])
                out.append('    {%s, %s, offsetof(%s, %s), %s},\n' % (
                    quote(field['name']), value or '&ValueOf<decltype(%s::%s)>::kValue' % (m, member), m, member,
                    'true' if field.get('required') else 'false'))
            out.append('};\n')
        out.append('}  // namespace\n\n')
        for i, (name, short) in enumerate(names):
            version, kind = self.kinds.get(name, ('', ''))
            out.append('template <>\nconstinit const StructInfo Describe<%s::%s>::kInfo{%s, %s, %s};\n' % (
                home, short, 'kMembers%d' % i if self.fields(name) else '{}', quote(version), quote(kind)))
        out.append('}  // namespace types\n\n')
        for name, short in names:
            if name in self.kinds:
                out.append('template <>\nconst KindInfo& KindOf<%s::%s>() {\n  static const KindInfo* const kind = FindKind(%s, '
                           '%s);\n  CHECK(kind != nullptr);\n  return *kind;\n}\n' % (
                               home, short, *[quote(x) for x in self.kinds[name]]))
                out.append('template <>\nstd::shared_ptr<const void> DecodeTyped<%s::%s>(const Object& object) {\n'
                           '  auto out = std::make_shared<%s::%s>();\n'
                           '  (void)types::DecodeBytes(object.bytes(), types::Describe<%s::%s>::kInfo, out.get());\n'
                           '  return out;\n}\n' % ((home, short) * 3))
        out.append('\n}  // namespace sampan::api\n')
        return ''.join(out)
