// Package yaml reads the YAML of job files into a tree in which every value knows its place.
//
// Use: [Parse] a text; walk the [Node]s.
//
// It reads what people write in such files: mappings and lists in block and in flow style, plain, quoted and block
// scalars, comments, anchors, aliases and merge keys. The rest of YAML (tags, directives, several documents, keys that
// are not text) is refused by name. Scalars stay text: what "1e3" or "yes" means is the reader's business.
//
// Law: time is linear in the length of the text, whatever it holds; nothing panics; every [Error] has a place and says
// what to write. Where this package accepts a text, it reads what the specification (YAML 1.2.2) says: the tests compare
// with another implementation.
package yaml
