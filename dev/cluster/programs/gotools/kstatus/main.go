// Says where resources stand, by kstatus as Flux and others link it: NAME: Current, InProgress, Failed …
package main

import (
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

func main() {
	for _, name := range os.Args[1:] {
		text, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &object.Object); err != nil {
			panic(err)
		}
		// Numbers as the API server's JSON has them.
		if text, err = object.MarshalJSON(); err != nil {
			panic(err)
		}
		if err := object.UnmarshalJSON(text); err != nil {
			panic(err)
		}
		result, err := status.Compute(object)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s: %s\n", name, result.Status, result.Message)
	}
}
