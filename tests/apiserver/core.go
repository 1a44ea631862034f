package main

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/server"
)

// store adds the short names that kubectl users type.
type store struct {
	*genericregistry.Store
	shortNames []string
}

func (s store) ShortNames() []string { return s.shortNames }

func installCore(instance *server.GenericAPIServer, getter generic.RESTOptionsGetter) error {
	secrets, err := newStore(getter, "secret", true, nil,
		func() runtime.Object { return &corev1.Secret{} }, func() runtime.Object { return &corev1.SecretList{} })
	if err != nil {
		return err
	}
	configMaps, err := newStore(getter, "configmap", true, []string{"cm"},
		func() runtime.Object { return &corev1.ConfigMap{} }, func() runtime.Object { return &corev1.ConfigMapList{} })
	if err != nil {
		return err
	}
	namespaces, err := newStore(getter, "namespace", false, []string{"ns"},
		func() runtime.Object { return &corev1.Namespace{} }, func() runtime.Object { return &corev1.NamespaceList{} })
	if err != nil {
		return err
	}
	group := server.NewDefaultAPIGroupInfo(corev1.GroupName, scheme, runtime.NewParameterCodec(scheme), codecs)
	group.VersionedResourcesStorageMap["v1"] = map[string]rest.Storage{
		"secrets": secrets, "configmaps": configMaps, "namespaces": namespaces,
	}
	return instance.InstallLegacyAPIGroup(server.DefaultLegacyAPIPrefix, &group)
}

func newStore(getter generic.RESTOptionsGetter, singular string, namespaced bool, shortNames []string,
	one, list func() runtime.Object) (rest.Storage, error) {
	resource := corev1.Resource(singular + "s")
	behaviour := newStrategy(namespaced)
	s := &genericregistry.Store{
		NewFunc:                   one,
		NewListFunc:               list,
		DefaultQualifiedResource:  resource,
		SingularQualifiedResource: corev1.Resource(singular),
		CreateStrategy:            behaviour,
		UpdateStrategy:            behaviour,
		DeleteStrategy:            behaviour,
		TableConvertor:            rest.NewDefaultTableConvertor(resource),
	}
	if err := s.CompleteWithOptions(&generic.StoreOptions{RESTOptions: getter}); err != nil {
		return nil, err
	}
	return store{s, shortNames}, nil
}
