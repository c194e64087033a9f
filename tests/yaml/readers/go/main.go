// Reads YAML as kubectl does: sigs.k8s.io/yaml for a document, its decoder's rule for a stream of them.
//
//	reader DOCUMENTS.json STREAM.yaml
//
// The first file is a JSON list of YAML texts. Prints {"documents": [...], "stream": [...]}, each item {"ok": VALUE} or
// {"error": TEXT}.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

type outcome struct {
	Ok    json.RawMessage `json:"ok,omitempty"`
	Error string          `json:"error,omitempty"`
}

func read(document []byte) outcome {
	value, err := yaml.YAMLToJSON(document)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	return outcome{Ok: value}
}

// A line that begins with `---` ends a document, as in k8s.io/apimachinery's YAMLReader.
func split(stream []byte) [][]byte {
	var documents [][]byte
	var current bytes.Buffer
	for _, line := range bytes.SplitAfter(stream, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("---")) && strings.TrimSpace(string(line[3:])) == "" {
			if current.Len() > 0 {
				documents = append(documents, append([]byte(nil), current.Bytes()...))
			}
			current.Reset()
			continue
		}
		current.Write(line)
	}
	if current.Len() > 0 {
		documents = append(documents, current.Bytes())
	}
	return documents
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	var texts []string
	if err := json.Unmarshal(text, &texts); err != nil {
		return err
	}
	stream, err := os.ReadFile(os.Args[2])
	if err != nil {
		return err
	}
	result := map[string][]outcome{"documents": {}, "stream": {}}
	for _, text := range texts {
		result["documents"] = append(result["documents"], read([]byte(text)))
	}
	for _, document := range split(stream) {
		result["stream"] = append(result["stream"], read(document))
	}
	encoder := json.NewEncoder(os.Stdout)
	return encoder.Encode(result)
}
