package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/storage/names"
)

// strategy does what kube-apiserver's strategies for these resources do to the data, without its validation.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	namespaced bool
}

func newStrategy(namespaced bool) strategy {
	return strategy{scheme, names.SimpleNameGenerator, namespaced}
}

func (s strategy) NamespaceScoped() bool { return s.namespaced }

func (strategy) PrepareForCreate(_ context.Context, object runtime.Object) { fill(object) }

func (strategy) PrepareForUpdate(_ context.Context, object, _ runtime.Object) { fill(object) }

func (strategy) Validate(context.Context, runtime.Object) field.ErrorList { return nil }

func (strategy) ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList {
	return nil
}

func (strategy) WarningsOnCreate(context.Context, runtime.Object) []string { return nil }

func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func (strategy) Canonicalize(runtime.Object) {}

func (strategy) AllowCreateOnUpdate() bool { return false }

func (strategy) AllowUnconditionalUpdate() bool { return true }

// fill applies the defaults, and moves stringData into data.
func fill(object runtime.Object) {
	switch object := object.(type) {
	case *corev1.Secret:
		if object.Type == "" {
			object.Type = corev1.SecretTypeOpaque
		}
		for name, value := range object.StringData {
			if object.Data == nil {
				object.Data = map[string][]byte{}
			}
			object.Data[name] = []byte(value)
		}
		object.StringData = nil
	case *corev1.Namespace:
		object.Status.Phase = corev1.NamespaceActive
	}
}
