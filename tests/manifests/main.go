// manifests reads Kubernetes manifests with the API's own Go types, strictly: an unknown or repeated field, or a value of the wrong type, is
// an error. A file may hold several documents. EncryptionConfigurations also go through the API server's validation. With --patch, a strategic merge patch is applied to the
// first file, as kubeadm and the kubelet do it, and the result is printed. With --load, each file is loaded as an API server loads its
// EncryptionConfiguration at its start, and a line a file says whether it would start: ok NAME, or no NAME: and why. With --json, the documents of
// one file are printed as a list, whatever they are.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	apiserver "k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	"k8s.io/apiserver/pkg/apis/apiserver/validation"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "manifests:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) == 3 && args[0] == "--patch" {
		return patch(args[1], args[2], out)
	}
	if len(args) > 1 && args[0] == "--load" {
		return load(args[1:], out)
	}
	if len(args) == 2 && args[0] == "--json" {
		return list(args[1], out)
	}
	if len(args) == 0 {
		return fmt.Errorf("usage: manifests FILE... | manifests --patch FILE PATCH | manifests --json FILE | manifests --load [--reload] [--kms-v1] FILE...")
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		utilruntime.Must(add(scheme))
	}
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	for _, name := range args {
		texts, err := documents(name)
		if err != nil {
			return err
		}
		for _, text := range texts {
			kind, err := check(codecs, text)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Fprintf(out, "ok %s %s\n", kind, name)
		}
	}
	return nil
}

// check reads one document, and compares what its types alone do not.
func check(codecs serializer.CodecFactory, text []byte) (string, error) {
	object, kind, err := codecs.UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		return "", err
	}
	switch manifest := object.(type) {
	case *corev1.Pod:
		err = volumes(&manifest.Spec, nil)
	case *appsv1.StatefulSet:
		if err = selects(manifest.Spec.Selector, manifest.Spec.Template.Labels); err == nil {
			err = volumes(&manifest.Spec.Template.Spec, manifest.Spec.VolumeClaimTemplates)
		}
	case *corev1.Service, *corev1.ConfigMap, *corev1.ServiceAccount, *networkingv1.NetworkPolicy, *policyv1.PodDisruptionBudget:
	case *apiserverv1.EncryptionConfiguration:
		err = encryption(codecs, text)
	default:
		err = fmt.Errorf("no check for kind %s", kind.Kind)
	}
	return kind.Kind, err
}

// documents are those of a file that are more than comments.
func documents(name string) ([][]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var found [][]byte
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		value, err := yaml.YAMLToJSONStrict(document)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if string(value) != "null" {
			found = append(found, document)
		}
	}
}

func list(name string, out io.Writer) error {
	texts, err := documents(name)
	if err != nil {
		return err
	}
	values := make([]json.RawMessage, len(texts))
	for i, text := range texts {
		if values[i], err = yaml.YAMLToJSONStrict(text); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(values)
}

// selects says whether a workload finds the pods that it makes.
func selects(selector *metav1.LabelSelector, of map[string]string) error {
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return err
	}
	if match.Empty() || !match.Matches(labels.Set(of)) {
		return fmt.Errorf("selector %s does not match the labels of its pods", match)
	}
	return nil
}

// encryption validates as the API server does when it loads the file.
func encryption(codecs serializer.CodecFactory, text []byte) error {
	object, _, err := codecs.UniversalDecoder().Decode(text, nil, nil)
	if err != nil {
		return err
	}
	configuration, ok := object.(*apiserver.EncryptionConfiguration)
	if !ok {
		return fmt.Errorf("decoded to %T", object)
	}
	return validation.ValidateEncryptionConfiguration(configuration, true).ToAggregate()
}

// load asks the code that kube-apiserver runs. Plugins need not be there: that is no reason not to start.
func load(args []string, out io.Writer) error {
	reload := false
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		switch args[0] {
		case "--reload":
			reload = true
		case "--kms-v1":
			if err := utilfeature.DefaultMutableFeatureGate.Set("KMSv1=true"); err != nil {
				return err
			}
		default:
			return fmt.Errorf("no such flag: %s", args[0])
		}
		args = args[1:]
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	verdicts := make([]string, len(args))
	var all sync.WaitGroup
	for i, name := range args {
		all.Go(func() {
			verdicts[i] = "ok " + name
			if _, err := encryptionconfig.LoadEncryptionConfig(ctx, name, reload, "tests"); err != nil {
				verdicts[i] = "no " + name + ": " + strings.ReplaceAll(err.Error(), "\n", " ")
			}
		})
	}
	all.Wait()
	_, err := fmt.Fprintln(out, strings.Join(verdicts, "\n"))
	return err
}

// volumes holds mounts against volumes, which types alone do not.
func volumes(pod *corev1.PodSpec, claims []corev1.PersistentVolumeClaim) error {
	known := map[string]bool{}
	for _, volume := range pod.Volumes {
		known[volume.Name] = true
	}
	for _, claim := range claims {
		known[claim.Name] = true
	}
	used := map[string]bool{}
	for _, container := range append(pod.InitContainers, pod.Containers...) {
		for _, mount := range container.VolumeMounts {
			if !known[mount.Name] {
				return fmt.Errorf("container %s mounts %s, which is no volume of the pod", container.Name, mount.Name)
			}
			used[mount.Name] = true
		}
	}
	for name := range known {
		if !used[name] {
			return fmt.Errorf("nobody mounts volume %s", name)
		}
	}
	return nil
}

func patch(name, patchName string, out io.Writer) error {
	original, err := toJSON(name)
	if err != nil {
		return err
	}
	change, err := toJSON(patchName)
	if err != nil {
		return err
	}
	merged, err := strategicpatch.StrategicMergePatch(original, change, corev1.Pod{})
	if err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(merged))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&corev1.Pod{}); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, string(merged))
	return err
}

func toJSON(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return yaml.YAMLToJSONStrict(text)
}
