package main

import (
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/util"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// openAPIDefinitions derives by reflection what kube-apiserver has as generated code.
func openAPIDefinitions(reference common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	b := definitions{reference: reference, made: map[string]common.OpenAPIDefinition{}}
	for _, root := range []any{
		corev1.Secret{}, corev1.SecretList{}, corev1.ConfigMap{}, corev1.ConfigMapList{}, corev1.Namespace{}, corev1.NamespaceList{},
		metav1.Status{}, metav1.DeleteOptions{}, metav1.Patch{}, metav1.WatchEvent{}, metav1.APIVersions{}, metav1.APIGroup{},
		metav1.APIGroupList{}, metav1.APIResourceList{}, metav1.Table{}, version.Info{},
	} {
		b.schema(reflect.TypeOf(root))
	}
	return b.made
}

type definitions struct {
	reference common.ReferenceCallback
	made      map[string]common.OpenAPIDefinition
	direct    []string // what the struct at hand refers to
}

// simple is implemented by types that stand as one value on the wire (Time, Quantity, IntOrString).
type simple interface {
	OpenAPISchemaType() []string
	OpenAPISchemaFormat() string
}

func (b *definitions) schema(t reflect.Type) spec.Schema {
	if value, ok := reflect.Zero(t).Interface().(simple); ok && t.Kind() != reflect.Pointer {
		return primitive(value.OpenAPISchemaType()[0], value.OpenAPISchemaFormat())
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.schema(t.Elem())
	case reflect.Struct:
		return spec.Schema{SchemaProps: spec.SchemaProps{Ref: b.reference(b.define(t)), Default: map[string]any{}}}
	case reflect.Map:
		element := b.schema(t.Elem())
		return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"object"},
			AdditionalProperties: &spec.SchemaOrBool{Allows: true, Schema: &element}}}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return primitive("string", "byte")
		}
		element := b.schema(t.Elem())
		return spec.Schema{
			VendorExtensible: spec.VendorExtensible{Extensions: spec.Extensions{"x-kubernetes-list-type": "atomic"}},
			SchemaProps:      spec.SchemaProps{Type: []string{"array"}, Items: &spec.SchemaOrArray{Schema: &element}},
		}
	case reflect.Interface:
		return primitive("object", "")
	default:
		name, format := common.OpenAPITypeFormat(t.Kind().String())
		return primitive(name, format)
	}
}

// define adds the definition of a struct, and of those it refers to, and returns its name.
func (b *definitions) define(t reflect.Type) string {
	name := util.GetCanonicalTypeName(reflect.New(t).Interface())
	if _, known := b.made[name]; !known {
		b.made[name] = common.OpenAPIDefinition{}
		outer := b.direct
		b.direct = nil
		object := primitive("object", "")
		object.Properties = map[string]spec.Schema{}
		b.addFields(t, object.Properties)
		b.made[name] = common.OpenAPIDefinition{Schema: object, Dependencies: b.direct}
		b.direct = outer
	}
	b.direct = append(b.direct, name)
	return name
}

func (b *definitions) addFields(t reflect.Type, properties map[string]spec.Schema) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, flags, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case name == "" && (field.Anonymous || strings.Contains(flags, "inline")):
			b.addFields(field.Type, properties)
		case name != "":
			properties[name] = b.schema(field.Type)
		}
	}
}

func primitive(name, format string) spec.Schema {
	return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{name}, Format: format}}
}
