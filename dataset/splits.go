package dataset

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// splitFiles is a split and its files, slash-separated below the data set's folder, in the order to read.
type splitFiles struct {
	name  string
	files []string
}

// The split words of datasets' data_files.py, in its order.
var splitWords = []struct {
	split string
	words []string
}{
	{"train", []string{"train", "training"}},
	{"validation", []string{"validation", "valid", "dev", "val"}},
	{"test", []string{"test", "testing", "eval", "evaluation"}},
}

// A word counts where these stand around it.
const wordSep = "[-._ 0-9]"

var (
	shardPattern = "data/*-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9]*.*"
	shardName    = regexp.MustCompile(`^(.*)-[0-9]{5}-of-[0-9]{5}.*\.[^/]*$`)
	splitName    = regexp.MustCompile(`^[\p{L}\p{N}_]+(\.[\p{L}\p{N}_]+)*$`)

	dirPatterns  = []string{"**/%s/**", "**/%s" + wordSep + "*/**", "**/*" + wordSep + "%s/**", "**/*" + wordSep + "%s" + wordSep + "*/**"}
	filePatterns = []string{"**/%s" + wordSep + "*", "**/*" + wordSep + "%s" + wordSep + "*"}
)

// inferSplits finds the splits among files (sorted) by their names, as datasets' get_data_patterns does:
// shards in data/, else split words in folder names, else in file names, else everything is train.
func inferSplits(files []string) ([]splitFiles, error) {
	if shards, err := match(shardPattern, files); err != nil || len(shards) > 0 {
		return shardSplits(shards), err
	}
	for _, patterns := range [][]string{dirPatterns, filePatterns} {
		var out []splitFiles
		for _, s := range splitWords {
			var found []string
			for _, word := range s.words {
				for _, p := range patterns {
					m, err := match(strings.ReplaceAll(p, "%s", word), files)
					if err != nil {
						return nil, err
					}
					found = append(found, m...)
				}
			}
			if found = unique(found); len(found) > 0 {
				out = append(out, splitFiles{s.split, found})
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	all, err := match("**", files)
	return []splitFiles{{"train", all}}, err
}

func shardSplits(shards []string) []splitFiles {
	var out []splitFiles
	for _, f := range shards {
		m := shardName.FindStringSubmatch(path.Base(f))
		if m == nil {
			continue
		}
		k := slices.IndexFunc(out, func(s splitFiles) bool { return s.name == m[1] })
		if k < 0 {
			k = len(out)
			out = append(out, splitFiles{name: m[1]})
		}
		out[k].files = append(out[k].files, f)
	}
	sortSplits(out)
	return out
}

// splitRank puts train, validation and test before all others.
func splitRank(name string) int {
	for i, s := range splitWords {
		if s.split == name {
			return i
		}
	}
	return len(splitWords)
}

func sortSplits(s []splitFiles) {
	slices.SortStableFunc(s, func(a, b splitFiles) int {
		if d := splitRank(a.name) - splitRank(b.name); d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
}

// unique drops repeats and keeps the order.
func unique(s []string) []string {
	seen := make(map[string]bool, len(s))
	return slices.DeleteFunc(s, func(f string) bool {
		if seen[f] {
			return true
		}
		seen[f] = true
		return false
	})
}

// match returns the files that a glob pattern matches. As in the reference, hidden files and folders (.x) and
// special folders (__x) match only a pattern that names as many of them.
func match(pattern string, files []string) ([]string, error) {
	re, err := globRegexp(pattern)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		if re.MatchString(f) && hidden(f) == hidden(pattern) && special(f) == special(pattern) {
			out = append(out, f)
		}
	}
	return out, nil
}

func hidden(p string) (n int) {
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, ".") && strings.Trim(part, ".") != "" {
			n++
		}
	}
	return n
}

func special(p string) (n int) {
	for part := range strings.SplitSeq(path.Dir(p), "/") {
		if strings.HasPrefix(part, "__") {
			n++
		}
	}
	return n
}

// globRegexp translates a glob as fsspec does: * and ? stay within a name, ** is any number of folders.
func globRegexp(pattern string) (*regexp.Regexp, error) {
	var re strings.Builder
	re.WriteString("^(?s:")
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case part == "**" && last:
			re.WriteString(".*")
		case part == "**":
			re.WriteString("(?:.+/)?")
			continue
		case part == "*":
			re.WriteString("[^/]+")
		case strings.Contains(part, "**"):
			return nil, fmt.Errorf("pattern %q: ** must stand alone between slashes", pattern)
		default:
			re.WriteString(globPart(part))
		}
		if !last {
			re.WriteString("/")
		}
	}
	re.WriteString(")$")
	out, err := regexp.Compile(re.String())
	if err != nil {
		return nil, fmt.Errorf("pattern %q is not a glob", pattern)
	}
	return out, nil
}

func globPart(part string) string {
	var re strings.Builder
	for i := 0; i < len(part); i++ {
		switch c := part[i]; c {
		case '*':
			re.WriteString("[^/]*")
		case '?':
			re.WriteString("[^/]")
		case '[':
			end := strings.IndexByte(part[min(i+2, len(part)):], ']')
			if end < 0 {
				re.WriteString(`\[`)
				continue
			}
			set := part[i+1 : i+2+end]
			i += 2 + end
			not := strings.HasPrefix(set, "!")
			set = strings.ReplaceAll(strings.TrimPrefix(set, "!"), `\`, `\\`)
			set = strings.ReplaceAll(strings.ReplaceAll(set, "[", `\[`), "^", `\^`)
			if not {
				set = "^/" + set
			}
			re.WriteString("[" + set + "]")
		default:
			re.WriteString(regexp.QuoteMeta(part[i : i+1]))
		}
	}
	return re.String()
}

// A folder with more entries than this is taken for a mistake.
const maxEntries = 1 << 20

// listFiles returns the data files below root, slash-separated and sorted. Links to files are followed, as
// the Hub's cache is made of them; links to folders are not.
func listFiles(root string) ([]string, error) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	var files []string
	entries := 0
	err = filepath.WalkDir(real, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > maxEntries {
			return fmt.Errorf("%s: more than %d files and folders; name the folder of one data set", root, maxEntries)
		}
		if _, known := formatOf(p); !known || e.IsDir() {
			return nil
		}
		if info, err := os.Stat(p); err != nil || !info.Mode().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(real, p)
		if err != nil {
			return err
		}
		if !slices.Contains(notData, path.Base(filepath.ToSlash(rel))) {
			files = append(files, filepath.ToSlash(rel))
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}

// Files of data set folders that look like data and are not.
var notData = []string{"config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"}
