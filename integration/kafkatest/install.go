package kafkatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

const javaMin = 17

// pom names the broker and its command-line tools; Maven finds the other ninety jars.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>%[1]s</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>%[1]s</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %v", errMissing, err)
	}
	return filepath.Join(cache, "millrace", "kafka-"+Version), nil
}

// install returns the java command and the directory of the broker's jars, fetching them the first time.
func install(base string) (java, lib string, err error) {
	java, err = findJava()
	if err != nil {
		return "", "", err
	}
	lib = filepath.Join(base, "lib")
	if _, err := os.Stat(lib); err != nil {
		mvn, err := exec.LookPath("mvn")
		if err != nil {
			return "", "", fmt.Errorf("%w: no Maven (mvn) to fetch the broker with", errMissing)
		}
		if err := fetchJars(mvn, base, lib); err != nil {
			return "", "", err
		}
	}
	makeArchive(java, lib)
	return java, lib, nil
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

func findJava() (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("%w: no Java (java)", errMissing)
	}
	out, err := exec.Command(java, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: java -version: %v", errMissing, err)
	}
	m := javaVersion.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%w: java -version says %q", errMissing, out)
	}
	if major, _ := strconv.Atoi(string(m[1])); major < javaMin {
		return "", fmt.Errorf("%w: Java %d, want %d or later", errMissing, major, javaMin)
	}
	return java, nil
}

// fetchJars lets Maven copy the jars beside lib and renames them when all are there, so that processes that do it at
// the same time do not see each other's halves.
func fetchJars(mvn, base, lib string) error {
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(base, "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	project := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(project, fmt.Appendf(nil, pom, Version), 0o644); err != nil {
		return err
	}
	jars := filepath.Join(work, "lib")
	cmd := exec.Command(mvn, "-q", "-B", "-f", project, "dependency:copy-dependencies", "-DoutputDirectory="+jars)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch broker with Maven: %w\n%s", err, out)
	}
	if err := os.Rename(jars, lib); err != nil {
		if _, statErr := os.Stat(lib); statErr != nil {
			return err
		}
	}
	return nil
}

// removeLeftOver removes the data of brokers whose test process is gone.
func removeLeftOver(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, "run-*"))
	for _, dir := range dirs {
		name, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), "run-"), "-")
		pid, err := strconv.Atoi(name)
		if err != nil || pid == os.Getpid() || syscall.Kill(pid, 0) == nil {
			continue
		}
		os.RemoveAll(dir)
	}
}
