package main

import (
	"errors"
	"net"
	"net/http"

	"cloister/integrations/apiserver"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	apiopenapi "k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/server"
	serveroptions "k8s.io/apiserver/pkg/server/options"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/value/encrypt/identity"
	netutils "k8s.io/utils/net"
)

// options are kube-apiserver's own flag groups, as far as this server has them.
type options struct {
	generic    *serveroptions.ServerRunOptions
	etcd       *serveroptions.EtcdOptions
	serving    *serveroptions.SecureServingOptionsWithLoopback
	kubeconfig string
	enclave    apiserver.Options
}

func newOptions() *options {
	serving := serveroptions.NewSecureServingOptions()
	serving.BindAddress = netutils.ParseIPSloppy("127.0.0.1")
	serving.BindPort = 0
	serving.HTTP2MaxStreamsPerConnection = 1000
	etcd := serveroptions.NewEtcdOptions(storagebackend.NewDefaultConfig("/registry", nil))
	etcd.DefaultStorageMediaType = runtime.ContentTypeProtobuf
	return &options{generic: serveroptions.NewServerRunOptions(), etcd: etcd, serving: serving.WithLoopback()}
}

func (o *options) addFlags(flags *pflag.FlagSet) {
	o.generic.AddUniversalFlags(flags)
	o.etcd.AddFlags(flags)
	o.serving.AddFlags(flags)
	flags.StringVar(&o.kubeconfig, "write-kubeconfig", "", "Where to write a kubeconfig for kubectl.")
	flags.StringVar(&o.enclave.Endpoint, "secrets-endpoint", "", "unix:///... of an enclave's secrets socket: it encrypts Secrets whole, and no DEK is made here.")
	flags.StringVar(&o.enclave.Provider, "secrets-provider", "tee", "Name of the provider, as in the enclave's configuration.")
	flags.Lookup("secure-port").Usage = "The port on which to serve HTTPS. 0 takes a free one; see --write-kubeconfig."
}

// complete applies feature gates, listens, and makes the serving certificate where there is none.
func (o *options) complete() error {
	if err := o.generic.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	faults := append(o.generic.Validate(), o.etcd.Validate()...)
	faults = append(faults, o.serving.Validate()...)
	if err := errors.Join(faults...); err != nil {
		return err
	}
	address := net.TCPAddr{IP: o.serving.BindAddress, Port: o.serving.BindPort}
	listener, err := net.ListenTCP("tcp", &address)
	if err != nil {
		return err
	}
	o.serving.Listener = listener
	return o.serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{o.serving.BindAddress})
}

func (o *options) config() (*server.Config, error) {
	config := server.NewConfig(codecs)
	if err := o.generic.ApplyTo(config); err != nil {
		return nil, err
	}
	config.OpenAPIV3Config = server.DefaultOpenAPIV3Config(openAPIDefinitions, apiopenapi.NewDefinitionNamer(scheme))
	config.OpenAPIV3Config.Info.Title = "API server for tests"
	config.Authorization.Authorizer = authorizerfactory.NewAlwaysAllowAuthorizer()
	config.Authentication.Authenticator = authenticator.RequestFunc(everyone)
	if err := o.serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return nil, err
	}
	return config, o.applyStorage(config)
}

// applyStorage sets up etcd and encryption at rest. Transformers that do not come from an EncryptionConfiguration go into
// config.ResourceTransformers before the last line: they then stand in for the file's.
func (o *options) applyStorage(config *server.Config) error {
	backend := o.etcd.StorageConfig
	backend.StorageObjectCountTracker = config.StorageObjectCountTracker
	factory := serverstorage.NewDefaultStorageFactory(backend, o.etcd.DefaultStorageMediaType, codecs,
		serverstorage.NewDefaultResourceEncodingConfig(scheme), serverstorage.NewResourceConfig(), nil)
	overrides, err := serveroptions.ParseEtcdServersOverrides(o.etcd.EtcdServersOverrides)
	if err != nil {
		return err
	}
	for _, override := range overrides {
		factory.SetEtcdLocation(override.GroupResource, override.Servers)
	}
	if o.enclave.Endpoint != "" {
		provider, err := apiserver.New(o.enclave)
		if err != nil {
			return err
		}
		config.ResourceTransformers = apiserver.ForResource(corev1.Resource("secrets"), provider, identity.NewEncryptCheckTransformer())
		config.AddReadyzChecks(provider)
	}
	return o.etcd.ApplyWithStorageFactoryTo(factory, config)
}

func everyone(*http.Request) (*authenticator.Response, bool, error) {
	return &authenticator.Response{User: &user.DefaultInfo{Name: "tester", Groups: []string{user.SystemPrivilegedGroup}}}, true, nil
}
