package pylib

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Library is what is installed together: the directory is named after it.
type Library struct {
	Name     string   // of the directory
	Packages []string // for pip, with their versions
	Version  string   // what Show prints when it can be used
	Show     string   // Python that imports the packages and prints the version of the first one
}

// Install puts the library into the cache directory, once for all runs, and returns the directory for PYTHONPATH.
func (l Library) Install() (dir string, err error) {
	if _, err := exec.LookPath("python3"); err != nil {
		return "", fmt.Errorf("no python3: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	dir = filepath.Join(cache, "millrace", l.Name)
	if l.usable(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), "python-*")
	if err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	defer os.RemoveAll(half)
	cmd := exec.Command("python3", append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", half}, l.Packages...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pip install %s: %w\n%s", strings.Join(l.Packages, " "), err, out)
	}
	if err := os.Rename(half, dir); err != nil && l.usable(dir) != nil { // another process may have been faster
		return "", fmt.Errorf("put %s into the cache: %w", l.Name, err)
	}
	return dir, l.usable(dir)
}

func (l Library) usable(dir string) error {
	cmd := exec.Command("python3", "-c", l.Show)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONNOUSERSITE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("import %s: %w\n%s", l.Name, err, out)
	}
	if got := strings.TrimSpace(string(out)); got != l.Version {
		return fmt.Errorf("found version %s of %s, want %s", got, l.Name, l.Version)
	}
	return nil
}
